"""A chat completion server on this machine that gives prepared replies, or works them out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any

Reply = tuple[int, Any, Mapping[str, str]] | None
"""Status, JSON and headers; None drops the connection."""


def answer(text: str, finish_reason: str = "stop") -> tuple[int, Any, Mapping[str, str]]:
    """A good reply."""
    choice = {"message": {"role": "assistant", "content": text}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 11, "completion_tokens": 3}
    return 200, {"choices": [choice], "usage": usage}, {}


class Quota:
    """Gives so many replies, then refuses; ``left`` may be raised."""

    def __init__(self, give: Callable[[str], Reply], left: int) -> None:
        self.left = left
        self._give = give

    def __call__(self, prompt: str) -> Reply:
        self.left -= 1
        return self._give(prompt) if self.left >= 0 else (401, {"error": "quota"}, {})


class Server:
    """Serves while in a ``with`` block; ``requests`` holds what was asked."""

    def __init__(self, replies: Iterable[Any] | Callable[[str], Reply]) -> None:
        self.requests: list[dict[str, Any]] = []
        give = replies if callable(replies) else _in_turn(replies)
        seen = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(size))
                key = self.headers.get("Authorization")
                seen.append({"path": self.path, "body": body, "authorization": key})
                reply = give(body["messages"][0]["content"])
                if reply is None:
                    self.close_connection = True
                    return
                status, value, headers = reply
                data = json.dumps(value).encode()
                self.send_response(status)
                for name, text in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Server:
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _in_turn(replies: Iterable[Any]) -> Callable[[str], Reply]:
    left = iter(replies)
    return lambda _: next(left)
