"""The gateway's life: a thread with an HTTP server, for as long as a session runs."""

import asyncio
import contextlib
import logging
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from starlette.types import ASGIApp

from bridle.agents.base import Event
from bridle.errors import ConfigError
from bridle.gateway.app import gateway_app
from bridle.gateway.budget import Meter
from bridle.gateway.certificates import trusted
from bridle.gateway.chain import Chain
from bridle.gateway.estimate import Estimator
from bridle.gateway.progress import Ending, Progress
from bridle.gateway.relay import Session
from bridle.gateway.slots import Slots
from bridle.gateway.tape import Tape
from bridle.gateway.upstream import Upstream

log = logging.getLogger(__name__)

_REACH_SECONDS = 5.0
_GRACE_SECONDS = 5.0
"""For calls under way to be settled."""
_LET = "sessions talk to their models through it. Let processes use the loopback; `bridle doctor` tries it"


class Gateway:
    """The door of one session; a context manager.

    Everything is made on entry, in a thread of its own, so that a task process forked from an Airflow worker
    inherits nothing of it but the certificates. Loopback only.

    Args:
        upstream: where calls go.
        meter: where they are booked.
        fallback: where they go when `upstream` does not answer, in order; see `bridle.gateway.chain`.
        slots: folder where this host counts each provider's calls at once; None: it does not.
        tape: records the calls, or answers them in the provider's place.
        socket_path: also serve on this Unix socket, for sandboxes without network.
        turns: answers at most; the call after the last one is refused. None: no limit.
        on_event: told about waiting and about changes of the model; called in a thread.
        on_spans: given what the agent's own program sends as its traces (OTLP); called in a thread. None: it
            can send none.
    """

    def __init__(
        self,
        *,
        upstream: Upstream,
        meter: Meter,
        fallback: Sequence[Upstream] = (),
        slots: Path | None = None,
        tape: Tape | None = None,
        socket_path: Path | None = None,
        turns: int | None = None,
        on_event: Callable[[Event], None] = lambda _: None,
        on_spans: Callable[[bytes], None] | None = None,
    ) -> None:
        self.token = secrets.token_urlsafe(32)
        """What the agent shows instead of a key."""
        self.url = ""
        """`http://127.0.0.1:<port>`, without `/v1`."""
        self._upstreams = (upstream, *fallback)
        self._meter = meter
        self._slots = slots
        self._tape = tape
        self._on_event = on_event
        self._on_spans = on_spans
        self._chain: Chain | None = None
        self._socket_path = socket_path
        self._progress = Progress(turns=turns)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()
        self._failure: BaseException | None = None

    @property
    def last_traffic(self) -> float:
        """`time.monotonic()` of the last bytes in either direction."""
        return self._progress.last_traffic

    @property
    def ended(self) -> Ending | None:
        """What ended the session's calls, if something did; `provider` when the last one went unanswered."""
        return self._progress.ended

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return self._progress.reason

    @property
    def spent_scope(self) -> str:
        """The scope of the budget that ended the session's calls; empty when none did."""
        return self._progress.scope

    @property
    def refused_seconds(self) -> float:
        """For how long the session's calls have been refused because of a budget or a stop."""
        refused = self._progress.ended in ("budget", "stopped")
        return time.monotonic() - self._progress.ended_at if refused else 0.0

    @property
    def left(self) -> tuple[str, ...]:
        """The models of the chain after the one that answers, as `provider:model`; none before it did."""
        links = self._chain.left if self._chain else ()
        return tuple(f"{link.upstream.provider.name}:{link.upstream.model}" for link in links)

    @property
    def retry_after(self) -> float | None:
        """Seconds from now for which the provider asked to be left alone; None: it did not."""
        until = self._progress.resting_until
        return None if until is None else max(0.0, until - time.monotonic())

    @property
    def first_request_bytes(self) -> int | None:
        """Size of the first model request; None before it."""
        return self._progress.first_request_bytes

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Serve; returns when the gateway can be called.

        Raises:
            ConfigError: this host lets nobody listen on its loopback or on the socket, or reach it there.
        """
        try:
            listeners = [_loopback_listener()]
        except OSError as error:
            raise ConfigError(
                f"the gateway cannot listen on 127.0.0.1 of this host ({error}): {_LET}"
            ) from error
        if self._socket_path:
            try:
                listeners.append(_unix_listener(self._socket_path))
            except OSError as error:
                listeners[0].close()
                raise ConfigError(
                    f"the gateway cannot listen on the socket {self._socket_path} ({error}): set TMPDIR to a "
                    "folder with a shorter path, on a disk of this host that has room; `bridle doctor` looks"
                ) from error
        self.url = f"http://127.0.0.1:{listeners[0].getsockname()[1]}"
        self._thread = threading.Thread(
            target=self._run, args=(listeners,), name="bridle-gateway", daemon=True
        )
        self._thread.start()
        self._started.wait()
        if self._failure:
            raise self._failure
        try:
            socket.create_connection(listeners[0].getsockname(), timeout=_REACH_SECONDS).close()
        except OSError as error:
            self.stop()
            raise ConfigError(f"the gateway at {self.url} cannot be reached ({error}): {_LET}") from error

    def stop(self) -> None:
        """End it: calls under way are broken off and settled. Safe to call twice, and from any thread."""
        if self._loop and self._stopping and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # the loop may close between the question and the call
                self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread and self._thread is not threading.current_thread():
            self._thread.join()
        if self._socket_path:
            self._socket_path.unlink(missing_ok=True)
        self._meter.close()

    def _run(self, listeners: list[socket.socket]) -> None:
        try:
            # uvicorn's own choice: the faster loop, where it is installed
            with asyncio.Runner(loop_factory=uvicorn.Config(gateway_app).get_loop_factory()) as runner:
                runner.run(self._serve(listeners))
        except BaseException as error:
            self._failure = error
            raise
        finally:
            self._started.set()

    async def _serve(self, listeners: list[socket.socket]) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            upstreams = [upstream async for upstream in self._served(stack)]
            options: dict[str, Any] = {
                "timeout": httpx.Timeout(None, connect=upstreams[0].timeouts.connect),
                "limits": httpx.Limits(max_connections=None),
                "trust_env": upstreams[0].app is None,
                "verify": trusted(),
            }
            client = self._tape.client(options) if self._tape else httpx.AsyncClient(**options)
            await stack.enter_async_context(client)
            self._chain = Chain([self._link(upstream, client, self._stopping) for upstream in upstreams])
            await stack.enter_async_context(
                _serving(gateway_app(self._chain, self.token, self._on_spans), listeners)
            )
            self._started.set()
            await self._stopping.wait()

    async def _served(self, stack: contextlib.AsyncExitStack) -> AsyncIterator[Upstream]:
        """The upstreams, where they can be called; a script is served once for all that play it."""
        addresses: dict[int, str] = {}
        for upstream in self._upstreams:
            if upstream.app is None:
                yield upstream
                continue
            if id(upstream.app) not in addresses:
                scripted = _loopback_listener()
                addresses[id(upstream.app)] = f"http://127.0.0.1:{scripted.getsockname()[1]}"
                await stack.enter_async_context(_serving(upstream.app, [scripted]))
            yield upstream.at(addresses[id(upstream.app)])

    def _link(self, upstream: Upstream, client: httpx.AsyncClient, stopping: asyncio.Event) -> Session:
        provider = upstream.provider
        slots = None
        if self._slots and provider.concurrency:
            slots = Slots(self._slots, provider.name, provider.concurrency)
        return Session(
            upstream,
            self._meter,
            client,
            Estimator(provider),
            self._progress,
            stopping,
            slots,
            self._on_event,
        )


@contextlib.asynccontextmanager
async def _serving(app: ASGIApp, listeners: list[socket.socket]) -> AsyncIterator[None]:
    # a provider's broken answer is passed on as one, which uvicorn would report as the application's mistake
    logging.getLogger("uvicorn.error").addFilter(_is_no_broken_answer)
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        # agents keep connections while their tools run; closing one under a request would cost a retry
        timeout_keep_alive=3600,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=listeners))
    try:
        while not server.started and not running.done():
            await asyncio.sleep(0.001)
        yield
    finally:
        server.should_exit = True
        server.told.set()
        await running


class _Server(uvicorn.Server):
    """Ends when it is told to; uvicorn itself looks every tenth of a second, and each session would wait."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    async def main_loop(self) -> None:
        await self.told.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for listening in (*self.servers, *(sockets or ())):
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(_GRACE_SECONDS):
                while self.server_state.connections or self.server_state.tasks:
                    await asyncio.sleep(0.002)
        except TimeoutError:
            log.warning("the gateway ends, and breaks %d calls off", len(self.server_state.tasks))
        for task in self.server_state.tasks:
            task.cancel()


def _is_no_broken_answer(record: logging.LogRecord) -> bool:
    return "without completing response" not in record.getMessage()


def _loopback_listener() -> socket.socket:
    # asyncio sends small writes at once only on sockets that say they are TCP: without, an answer waits 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


def _unix_listener(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    # the agent may run as another user; the token and the folder around it keep strangers out
    path.chmod(0o666)
    listener.listen(128)
    return listener
