"""Runs a tool's command: a process group of its own, a time limit, a cap on what the model gets to read."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from pathlib import Path

OUTPUT_BYTES = 30_000
READ_BYTES = 65_536
TIMED_OUT = 124
POLL_SECONDS = 0.02


async def execute(argv: Sequence[str], *, cwd: Path, seconds: float) -> tuple[int, str]:
    """Exit code and output, standard error included; of a long output the beginning and the end.

    What the command leaves in its process group ends with it; the supervisor sees to the rest.
    """
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    output = bytearray()
    dropped = 0

    async def collect() -> None:
        nonlocal dropped
        assert process.stdout is not None  # noqa: S101
        while data := await process.stdout.read(READ_BYTES):
            output.extend(data)
            if len(output) > OUTPUT_BYTES:
                dropped += len(output) - OUTPUT_BYTES
                del output[OUTPUT_BYTES // 2 : -OUTPUT_BYTES // 2]

    reading = asyncio.create_task(collect())
    try:
        async with asyncio.timeout(seconds):
            # Not `wait()`: it also waits for whoever else holds the pipe.
            while process.returncode is None:
                await asyncio.sleep(POLL_SECONDS)
            code = process.returncode
    except TimeoutError:
        code = TIMED_OUT
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    # A process that left the group may hold the pipe open for good.
    await asyncio.wait({reading}, timeout=1)
    reading.cancel()
    text = _joined(bytes(output), dropped)
    if code == TIMED_OUT:
        text += f"\n(ended after {seconds:g} seconds)"
    return code, text


def _joined(output: bytes, dropped: int) -> str:
    if not dropped:
        return output.decode(errors="replace")
    half = len(output) // 2
    head, tail = output[:half].decode(errors="replace"), output[half:].decode(errors="replace")
    return f"{head}\n… {dropped} bytes left out …\n{tail}"
