"""The tracer's loop, with a loader that is scripted: what is attached, who is allowed, what is handed over."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from tokmeter._core import Attribution, LedgerEntry, Meter, PriceBook
from tokmeter.capture.ebpf import Selection, TracerCapture, TracerError, TracerSettings, capture, limits
from tokmeter.capture.ebpf.audit import CoverageAudit
from tokmeter.errors import TokmeterError

METER = Meter(price_book=PriceBook.embedded(), seed=bytes(16))
CHOSEN = 2**22 + 5
LIMIT_S = 20


class ScriptedLoader:
    """Remembers what it was asked; says that a process came and went."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.prepared: list[str] = []
        self.allowed: list[int] = []
        self.disallowed: list[int] = []
        self.taken_back = threading.Event()
        self.came: list[int] = []
        self.went: list[int] = []
        self.polled = threading.Event()
        self.closed = 0
        self.failing = ""
        self.told: list[tuple[int, int, tuple[str, int] | None, int, int, bool]] = []

    def prepare(self, program: str) -> None:
        self.prepared.append(program)

    def attach_function(self, _program: str, _file: Path, _offset: int, _process: int | None) -> int:
        return 1

    def attach_event(self, program: str, _category: str, event: str) -> int:
        if event == self.failing:
            raise OSError("no such tracepoint")
        self.events.append(f"{program} {event}")
        return 1

    def detach(self, attachment: int) -> None:
        pass

    def allow(self, process: int) -> None:
        self.allowed.append(process)

    def disallow(self, process: int) -> None:
        self.disallowed.append(process)
        self.taken_back.set()

    def poll(self) -> int:
        self.polled.set()
        return 0

    def finished(self) -> list[LedgerEntry]:
        return []

    def arrivals(self) -> tuple[list[int], list[int]]:
        came, went = self.came, self.went
        self.came, self.went = [], []
        return came, went

    def greetings(self) -> list[tuple[int, int, tuple[str, int] | None, int, int, bool]]:
        told, self.told = self.told, []
        return told

    def traffic(self, _process: int, _descriptor: int) -> tuple[int, int, bool] | None:
        return None

    def sweep(self, now: int) -> None:
        pass

    def open(self) -> int:
        return 2

    def counters(self) -> list[tuple[str, int]]:
        return [("records", 7), ("lost", 3), ("ignored", 0), ("unnamed", 0), ("overlong", 0)]

    def close(self, _now: int) -> list[LedgerEntry]:
        self.closed += 1
        return []


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> ScriptedLoader:
    loader = ScriptedLoader()
    monkeypatch.setattr(capture, "load", lambda *_: loader)
    return loader


def tracer(
    processes: Callable[[], Any] = lambda: [CHOSEN], audit: CoverageAudit | None = None, **settings: Any
) -> TracerCapture:
    selection = Selection(processes=processes, everybody=settings.pop("everybody", False))
    return TracerCapture(
        METER,
        lambda pid: Attribution(pid=pid),
        TracerSettings(selection=selection, **settings),
        print,
        lambda: 0,
        audit=audit,
    )


def test_who_is_chosen_is_allowed_when_it_has_started(scripted: ScriptedLoader) -> None:
    running = tracer()
    running.start()
    running.stop()

    assert scripted.allowed == [CHOSEN]
    assert scripted.closed == 1
    assert "plain_call_any sys_enter_write" in scripted.events
    assert "process_fork sched_process_fork" in scripted.events


def test_everybody_needs_no_permission(scripted: ScriptedLoader) -> None:
    running = tracer(everybody=True)
    running.start()
    running.stop()

    assert scripted.allowed == []


def test_without_plain_http_no_system_call_is_looked_at(scripted: ScriptedLoader) -> None:
    running = tracer(plain=False)
    running.start()
    running.stop()

    assert not [event for event in scripted.events if "sys_" in event]


def test_what_the_programs_lost_is_a_metric(scripted: ScriptedLoader) -> None:
    running = tracer()
    running.start()
    running.stop()

    assert scripted.closed
    assert (("lost",), 3) in running.series()["capture_dropped"]
    assert running.counters["open"] == 2


def test_a_tracepoint_that_is_missing_is_told_and_nothing_stays(scripted: ScriptedLoader) -> None:
    scripted.failing = "sys_enter_writev"

    with pytest.raises(TracerError, match="sys_enter_writev: no such tracepoint"):
        tracer().start()

    assert scripted.closed == 1


def test_a_selection_that_is_not_there_is_told(scripted: ScriptedLoader) -> None:
    def gone() -> list[int]:
        raise TokmeterError("there is no such group")

    with pytest.raises(TokmeterError, match="no such group"):
        tracer(gone).start()

    assert scripted.closed == 1


def test_a_selection_that_ends_later_ends_nothing(scripted: ScriptedLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SCAN_S", 0.0)
    asked = threading.Event()

    def processes() -> list[int]:
        if scripted.polled.is_set():
            asked.set()
            raise TokmeterError("the container has ended")
        return [CHOSEN]

    running = tracer(processes)
    running.start()
    assert asked.wait(LIMIT_S)
    running.stop()

    assert running.failure is None


def test_stopping_what_never_started_does_nothing() -> None:
    tracer().stop()


def test_a_process_whose_end_was_not_told_is_let_go(scripted: ScriptedLoader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its id may be given to somebody else."""
    monkeypatch.setattr(limits, "SCAN_S", 0.0)
    running = tracer()
    running.start()
    assert scripted.taken_back.wait(LIMIT_S)
    running.stop()

    assert set(scripted.disallowed) == {CHOSEN}


def test_one_that_is_chosen_later_is_allowed_if_it_is_there(
    scripted: ScriptedLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An id that is free is soon somebody else's."""
    monkeypatch.setattr(limits, "SCAN_S", 0.0)
    monkeypatch.setattr(limits, "COUNT_S", 0.0)
    running = tracer(lambda: [os.getpid(), CHOSEN] if scripted.polled.is_set() else [])
    running.start()
    until = monotonic() + LIMIT_S
    while not scripted.allowed:
        assert monotonic() < until
        sleep(0.01)
    running.stop()

    assert set(scripted.allowed) == {os.getpid()}
    assert len(scripted.prepared) == len(set(scripted.prepared)) > 0


def test_the_audit_hears_of_greetings_and_of_the_end_of_processes(
    scripted: ScriptedLoader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCAN_S", 0.0)
    audit = CoverageAudit(lambda _: "agent", reasons=lambda _: "rustls", local_end=lambda _pid, _number: None)
    running = tracer(audit=audit)
    scripted.told = [(CHOSEN, 5, ("api.openai.com", 443), 0, 0, False), (CHOSEN, 5, None, 700, 900, False)]
    running.start()
    running.stop()

    assert [(row.process, row.reason, row.sent) for row in audit.rows] == [("agent", "rustls", 700)]
    assert running.series()["unmetered_bytes"] == [(("rustls", "sent"), 700), (("rustls", "received"), 900)]
