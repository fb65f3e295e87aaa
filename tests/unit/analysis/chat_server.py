"""A small server that speaks the chat completions protocol, for tests of explainers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What the server sends: a status, a body, and how slowly."""

    body: bytes
    status: int = 200
    before: float = 0.0  # seconds until the first byte
    between: float = 0.0  # seconds between bytes
    headers: dict[str, str] = field(default_factory=dict)


def says(content: Any) -> Reply:
    """A completion whose message is a text, or an object as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    message = {"role": "assistant", "content": text}
    return Reply(json.dumps({"choices": [{"index": 0, "message": message}]}).encode())


@dataclass
class Server:
    """Where the server is, and what it was asked."""

    url: str
    asked: list[dict[str, Any]]
    paths: list[str]


@contextmanager
def chat_server(answer: Callable[[int, dict[str, Any]], Reply]) -> Iterator[Server]:
    """Run a server that answers by a function of the request's number and its body."""
    asked: list[dict[str, Any]] = []
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body)
            paths.append(self.path)
            reply = answer(len(asked) - 1, body)
            time.sleep(reply.before)
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                step = 1 if reply.between else len(reply.body) or 1
                for at in range(0, len(reply.body), step):
                    self.wfile.write(reply.body[at : at + step])
                    self.wfile.flush()
                    time.sleep(reply.between)
            except OSError:
                pass  # nobody listens any more

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.server_address[1]}", asked, paths)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
