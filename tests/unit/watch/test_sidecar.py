"""A sidecar as a source of the live view, over a real socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from tests.unit.export.fakes import FakeSnapshot

from tokmeter._core import Snapshot
from tokmeter.errors import TokmeterError
from tokmeter.export.jsonl import EventStream
from tokmeter.export.prometheus import Collector
from tokmeter.export.server import MetricsServer
from tokmeter.watch.sidecar import SidecarSource

PATIENCE_S = 30.0
BUDGETS = [{"name": "daily", "spent_nano_usd": 5}]


@pytest.fixture
def stream() -> EventStream:
    return EventStream()


@pytest.fixture
def url(stream: EventStream) -> Iterator[str]:
    server = MetricsServer(
        "127.0.0.1",
        0,
        collector=Collector(cast(Callable[[], Snapshot], FakeSnapshot)),
        events=stream,
        budgets=lambda: BUDGETS,
        health=lambda: {"status": "ok"},
    )
    host, port = server.start()
    yield f"http://{host}:{port}"
    server.stop()


def publish(stream: EventStream, *lines: str) -> None:
    """The subscription is made by the server's thread, shortly after the header has been sent."""
    pause = threading.Event()
    while not stream.subscribers:
        pause.wait(0.01)
    for line in lines:
        stream.publish(line)


def collected(source: SidecarSource, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        more = source.events(PATIENCE_S)
        assert more, f"{len(found)} of {count} events"
        found += more
    return found


def test_events_arrive_in_order_and_broken_ones_are_counted(stream: EventStream, url: str) -> None:
    with SidecarSource(url) as source:
        publish(stream, json.dumps({"id": 1}), "{broken", "[]", json.dumps({"id": 2}))

        assert [event["id"] for event in collected(source, 2)] == [1, 2]
        assert source.malformed == 2
        assert source.events(0) == []


def test_budgets_are_asked_for(url: str) -> None:
    assert SidecarSource(url).budgets() == BUDGETS
    assert SidecarSource(url.removeprefix("http://")).require_budgets() == BUDGETS


def test_a_sidecar_that_is_not_there_is_an_error_with_a_hint() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(TokmeterError, match="no sidecar answers: connection refused") as caught, SidecarSource(url):
            pass
        assert caught.value.where == f"{url}/events"
        assert SidecarSource(url).budgets() == []


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "http://", "http://host:port", "ftp://x", "http://host:99999"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(TokmeterError, match="not the address"):
        SidecarSource(url)
