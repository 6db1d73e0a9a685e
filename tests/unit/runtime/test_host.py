"""Wiring of the tracer: what is started is stopped, and a tracer that cannot start leaves nothing behind."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from tests.unit.resolve.host import Host

from tokmeter._core import Attribution, LedgerEntry, Meter, Request
from tokmeter.capture.ebpf import Selection, TracerError, TracerSettings, capture
from tokmeter.config import Config
from tokmeter.errors import TokmeterError
from tokmeter.resolve import Resolver
from tokmeter.runtime.host import TracePlan, tracing
from tokmeter.state import StateDirectory

THREADS = ("tracer", "tracer-attach", "tokmeter-metrics")
PID = 4711
NOW = 1_790_000_000_000_000_000


class IdleLoader:
    """Attaches nothing and sees nothing; keeps what it was given."""

    def __init__(self, settings: TracerSettings, meter: Meter, who: Callable[[int], Attribution]) -> None:
        self.settings = settings
        self.meter = meter
        self.who = who
        self.closed = 0
        self.told: list[tuple[int, int, tuple[str, int] | None, int, int, bool]] = []

    def prepare(self, program: str) -> None:
        pass

    def attach_event(self, _program: str, _category: str, _event: str) -> int:
        return 1

    def poll(self) -> int:
        return 0

    def finished(self) -> list[LedgerEntry]:
        return []

    def arrivals(self) -> tuple[list[int], list[int]]:
        return [], []

    def greetings(self) -> list[tuple[int, int, tuple[str, int] | None, int, int, bool]]:
        told, self.told = self.told, []
        return told

    def traffic(self, _process: int, _descriptor: int) -> tuple[int, int, bool] | None:
        return None

    def sweep(self, now: int) -> None:
        pass

    def open(self) -> int:
        return 0

    def counters(self) -> list[tuple[str, int]]:
        return [("lost", 3)]

    def close(self, _now: int) -> list[LedgerEntry]:
        self.closed += 1
        return []


@pytest.fixture
def loaders(monkeypatch: pytest.MonkeyPatch) -> list[IdleLoader]:
    made: list[IdleLoader] = []

    def load(*arguments: Any) -> IdleLoader:
        made.append(IdleLoader(*arguments))
        return made[-1]

    monkeypatch.setattr(capture, "load", load)
    return made


def plan(folder: Path, *, metrics: tuple[str, int] | None = ("127.0.0.1", 0)) -> TracePlan:
    host = Host(folder)
    host.process(PID, comm="checkout", environ={"OTEL_SERVICE_NAME": "shop"})
    return TracePlan(
        config=Config(),
        state=StateDirectory({"XDG_STATE_HOME": str(folder)}),
        tracer=TracerSettings(selection=Selection(processes=list)),
        resolver=Resolver(host.roots),
        metrics=metrics,
    )


def told(meter: Meter, who: Attribution) -> dict[str, Any]:
    """What an exchange of theirs says."""
    request = Request(
        method="POST",
        host="api.openai.com",
        port=443,
        path="/v1/chat/completions",
        headers=[],
        body=b'{"model": "gpt-4o", "messages": []}',
    )
    exchange = meter.open(request, who, NOW)
    assert exchange is not None
    entry = exchange.close("client_gone", NOW)
    assert entry is not None
    event: dict[str, Any] = json.loads(entry.to_json())
    return event


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in THREADS]


def read(place: tuple[str, int], path: str) -> str:
    with urlopen(f"http://{place[0]}:{place[1]}{path}", timeout=10) as reply:
        text: str = reply.read().decode()
    return text


def test_the_tracer_is_told_who_processes_are(tmp_path: Path, loaders: list[IdleLoader]) -> None:
    with tracing(plan(tmp_path, metrics=None)) as started:
        assert started.metrics is None
        (loader,) = loaders
        known, gone = (told(started.meter, loader.who(pid)) for pid in (PID, PID + 1))

    assert (known["pid"], known["service"]) == (PID, "shop")
    # One that is gone is told of by its id alone.
    assert (gone["pid"], gone["service"], gone["user"]) == (PID + 1, None, None)
    assert loader.closed == 1


def test_metrics_and_health_have_what_the_tracer_counts(tmp_path: Path, loaders: list[IdleLoader]) -> None:
    with tracing(plan(tmp_path)) as started:
        assert started.metrics is not None
        metrics = read(started.metrics, "/metrics")
        health = json.loads(read(started.metrics, "/healthz"))

    assert 'tokmeter_capture_dropped_total{reason="lost"} 3.0' in metrics
    assert health["tracer"]["lost"] == 3
    assert threads() == []
    with pytest.raises(URLError):
        read(started.metrics, "/healthz")
    assert [loader.closed for loader in loaders] == [1]


def test_a_tracer_that_cannot_start_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> IdleLoader:
        raise TracerError("the tracer needs root")

    monkeypatch.setattr(capture, "load", refuse)

    with pytest.raises(TracerError, match="needs root"), tracing(plan(tmp_path)):
        pytest.fail("it started")

    assert threads() == []


def test_metrics_that_cannot_be_served_stop_the_tracer(tmp_path: Path, loaders: list[IdleLoader]) -> None:
    with (
        tracing(plan(tmp_path / "first")) as first,
        pytest.raises(TokmeterError, match="cannot listen"),
        tracing(plan(tmp_path / "second", metrics=first.metrics)),
    ):
        pytest.fail("it started")

    assert [loader.closed for loader in loaders] == [1, 1]


def test_what_is_not_read_is_told_and_counted(tmp_path: Path, loaders: list[IdleLoader]) -> None:
    with tracing(plan(tmp_path, metrics=None)) as started:
        loaders[0].told = [(PID, 5, ("api.openai.com", 3128), 0, 0, False), (PID, 5, None, 700, 900, False)]
    (row,) = started.unmetered()

    assert (row.pid, row.process, row.host, row.reason) == (PID, "checkout", "api.openai.com", "other_port")
    assert started.capture.series()["unmetered_connections"] == [(("other_port",), 1)]
