"""Fifty sessions at once, each in a process of its own, against a provider that allows five calls at once.

    python benchmarks/slots.py [--sessions 50] [--allowed 5] [--calls 6]

Every session has its gateway and makes calls with the vendor's own SDK, retries and all. The provider answers
429 to every call beyond what it allows. Once with slots, and once without, as fifty agents would do alone.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

MODEL = "claude-haiku-4-5"
CALL_SECONDS = 0.05
SESSION = """
import sys
from pathlib import Path
import anthropic
from bridle.gateway.budget import MemoryMeter
from bridle.gateway.providers import Provider
from bridle.gateway.server import Gateway
from bridle.gateway.upstream import Upstream
url, folder, allowed, calls = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
provider = Provider("anthropic", {"anthropic-messages": url}, key="k", concurrency=allowed)
ask = {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
slots = Path(folder) if folder else None
with Gateway(upstream=Upstream(provider, ask["model"]), meter=MemoryMeter(), slots=slots) as gateway:
    client = anthropic.Anthropic(base_url=gateway.url, api_key=gateway.token, max_retries=4, timeout=600)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(calls):
        client.messages.create(**ask)
"""


class Provider(ThreadingHTTPServer):
    """Answers so many calls at once, and 429 to every other."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, allowed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.allowed = allowed
        self.lock = threading.Lock()
        self.now = self.most = 0
        self.answers: Counter[int] = Counter()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Provider

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        provider = self.server
        with provider.lock:
            provider.now += 1
            provider.most = max(provider.most, provider.now)
            status = 200 if provider.now <= provider.allowed else 429
            provider.answers[status] += 1
        if status == 200:
            time.sleep(CALL_SECONDS)
        with provider.lock:
            provider.now -= 1
        usage = {"input_tokens": 10, "output_tokens": 1}
        message: dict[str, Any] = {"id": "m", "type": "message", "role": "assistant", "model": MODEL}
        message |= {"content": [], "stop_reason": "end_turn", "stop_sequence": None, "usage": usage}
        body = json.dumps(message if status == 200 else {"error": {"message": "too many"}}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@dataclass(frozen=True)
class Outcome:
    """What came of all sessions."""

    finished: int
    most: int
    refused: int
    seconds: float


def play(sessions: int, allowed: int, calls: int, folder: str) -> Outcome:
    """Let all sessions begin at one moment, and wait for the last."""
    with Provider(allowed) as provider:
        url = f"http://127.0.0.1:{provider.server_port}/v1/messages"
        argv = [sys.executable, "-c", SESSION, url, folder, str(allowed), str(calls)]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        running = [
            subprocess.Popen(argv, stderr=subprocess.DEVNULL, text=True, **pipes) for _ in range(sessions)
        ]
        for process in running:
            process.stdout.readline()
        began = time.monotonic()
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        finished = sum(process.wait() == 0 for process in running)
        for process in running:
            process.communicate()
        provider.shutdown()
        return Outcome(finished, provider.most, provider.answers[429], time.monotonic() - began)


def main() -> None:
    """Print both, side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--allowed", type=int, default=5)
    parser.add_argument("--calls", type=int, default=6)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        slots = play(given.sessions, given.allowed, given.calls, str(Path(folder)))
    alone = play(given.sessions, given.allowed, given.calls, "")
    print(f"{given.sessions} sessions of {given.calls} calls, {given.allowed} calls at once allowed")
    print(f"{'':14}{'finished':>10}{'most at once':>14}{'429s':>8}{'seconds':>10}")
    for name, it in (("with slots", slots), ("without", alone)):
        print(f"{name:14}{it.finished:>10}{it.most:>14}{it.refused:>8}{it.seconds:>10.1f}")


if __name__ == "__main__":
    main()
