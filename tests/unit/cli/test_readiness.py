"""Waiting for a proxy of another process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tokmeter.cli.readiness import await_ready
from tokmeter.errors import TokmeterError


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        server.asked.append(self.path)
        self.send_response(503 if len(server.asked) < 3 else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), Handler) as serving:
        serving.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=serving.serve_forever, args=(0.01,))
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::]"])
def test_it_waits_until_the_answer_is_yes(server: Any, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The program beside the proxy may have such variables; the question must not go through a proxy.
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    await_ready(f"{host}:{server.server_port}", 20)

    assert server.asked == ["/readyz"] * 3


def test_it_gives_up_and_says_what_it_asked() -> None:
    with pytest.raises(TokmeterError, match="no proxy was ready within 0 s") as caught:
        await_ready("127.0.0.1:1", 0)

    assert caught.value.where == "http://127.0.0.1:1/readyz"
