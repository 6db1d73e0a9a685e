"""What is listed as unmetered, with which sums, and what is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from tokmeter.capture.ebpf import audit, limits
from tokmeter.capture.ebpf.addresses import Destination, destination
from tokmeter.capture.ebpf.audit import CoverageAudit, Unmetered
from tokmeter.capture.ebpf.reasons import Reason

HOST = "api.openai.com"
PID, FD = 812, 5
HERE = destination("10.0.0.1", 50_000)
ENOUGH = limits.UNMETERED_BYTES_MIN


class Kernel:
    """What the programs have told, and what they would say of what goes on."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int, tuple[str, int] | None, int, int, bool]] = []
        self.open: dict[tuple[int, int], tuple[int, int, bool]] = {}

    def begins(self, pid: int = PID, descriptor: int = FD, host: str = HOST, port: int = 443) -> None:
        self.told.append((pid, descriptor, (host, port), 0, 0, False))
        self.open[pid, descriptor] = (0, 0, False)

    def ends(
        self, sent: int, received: int = 0, *, covered: bool = False, pid: int = PID, descriptor: int = FD
    ) -> None:
        self.told.append((pid, descriptor, None, sent, received, covered))
        self.open.pop((pid, descriptor), None)

    def greetings(self) -> list[tuple[int, int, tuple[str, int] | None, int, int, bool]]:
        told, self.told = self.told, []
        return told

    def traffic(self, process: int, descriptor: int) -> tuple[int, int, bool] | None:
        return self.open.get((process, descriptor))


class NoProxies:
    """Stands in for `Proxies`."""

    def __init__(self) -> None:
        self.own: set[int] = set()
        self.taken: set[Destination | None] = set()

    def includes(self, pid: int) -> bool:
        return pid in self.own

    def takes(self, _pid: int, local: Destination | None, _port: int) -> bool:
        return local in self.taken


class Bench:
    """An audit whose parts are at hand."""

    def __init__(self) -> None:
        self.kernel = Kernel()
        self.proxies = NoProxies()
        self.reason: Reason = "java"
        self.local: Destination | None = HERE
        self.failed = False
        self.audit = CoverageAudit(
            lambda pid: "java" if pid == PID else None,
            proxies=self.proxies,  # type: ignore[arg-type]
            reasons=lambda _: self.reason,
            local_end=lambda _pid, _number: self.local,
        )

    def take(self) -> None:
        self.audit.take(self.kernel, lambda _: self.failed)

    def turn(self) -> tuple[Unmetered, ...]:
        self.audit.turn(self.kernel)
        return self.audit.rows

    def closed(self) -> tuple[Unmetered, ...]:
        self.take()
        self.audit.close(self.kernel)
        return self.audit.rows


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(limits, "SETTLED_S", 0.0)
    made = Bench()
    yield made
    made.audit.close(made.kernel)


def test_connections_of_a_process_to_a_host_are_one_row(bench: Bench) -> None:
    for _ in range(3):
        bench.kernel.begins()
        bench.kernel.ends(400, 1000)

    assert bench.closed() == (Unmetered(PID, "java", HOST, "java", 3, 1200, 3000),)
    assert bench.audit.series() == {
        "unmetered_connections": [(("java",), 3)],
        "unmetered_bytes": [(("java", "sent"), 1200), (("java", "received"), 3000)],
    }


@pytest.mark.parametrize(
    ("sent", "covered"), [(ENOUGH - 1, False), (10_000, True)], ids=["a handshake alone", "seen by a probe"]
)
def test_what_is_no_exchange_or_was_read_is_not_listed(bench: Bench, sent: int, *, covered: bool) -> None:
    bench.kernel.begins()
    bench.kernel.ends(sent, 5000, covered=covered)

    assert bench.closed() == ()


def test_what_goes_on_is_listed_and_grows(bench: Bench) -> None:
    bench.kernel.begins()
    bench.take()
    bench.audit._known[PID].result()
    assert bench.turn() == ()

    bench.kernel.open[PID, FD] = (ENOUGH, 10, False)
    assert bench.turn() == (Unmetered(PID, "java", HOST, "java", 1, ENOUGH, 10),)
    bench.kernel.open[PID, FD] = (ENOUGH + 5, 90, False)
    assert bench.turn() == (Unmetered(PID, "java", HOST, "java", 1, ENOUGH + 5, 90),)
    bench.kernel.ends(ENOUGH + 6, 100)
    assert bench.closed() == (Unmetered(PID, "java", HOST, "java", 1, ENOUGH + 6, 100),)


def test_what_turns_out_to_be_covered_is_left_alone(bench: Bench) -> None:
    bench.kernel.begins()
    bench.take()
    bench.kernel.open[PID, FD] = (ENOUGH, 0, True)

    assert bench.turn() == ()
    assert not bench.audit._open


def test_there_is_time_to_turn_out_covered(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SETTLED_S", 1000.0)
    bench.kernel.begins()
    bench.take()
    bench.audit._known[PID].result()
    bench.kernel.open[PID, FD] = (ENOUGH, 0, False)

    assert bench.turn() == ()


def test_the_end_of_a_process_ends_its_connections(bench: Bench) -> None:
    bench.kernel.begins()
    bench.kernel.begins(descriptor=FD + 1)
    bench.take()
    bench.kernel.open = {(PID, FD): (500, 50, False), (PID, FD + 1): (600, 60, True)}
    bench.audit.gone(PID, bench.kernel)

    assert bench.closed() == (Unmetered(PID, "java", HOST, "java", 1, 500, 50),)


def test_an_end_that_is_about_to_be_told_is_waited_for(bench: Bench) -> None:
    bench.kernel.begins()
    bench.take()
    bench.kernel.ends(500, 50)
    bench.turn()
    assert bench.closed() == (Unmetered(PID, "java", HOST, "java", 1, 500, 50),)


def test_an_end_that_was_lost_is_not_waited_for_forever(bench: Bench) -> None:
    bench.kernel.begins()
    bench.take()
    bench.kernel.open.clear()
    bench.turn()
    bench.turn()

    assert not bench.audit._open


def test_a_proxy_and_who_goes_through_it_are_covered(bench: Bench) -> None:
    bench.proxies.own.add(PID)
    bench.kernel.begins()
    bench.kernel.ends(5000)
    bench.proxies.taken.add(HERE)
    bench.kernel.begins(PID + 1)
    bench.kernel.ends(5000, pid=PID + 1)

    assert bench.closed() == ()


def test_who_cannot_be_looked_at_any_more_may_go_through_a_proxy(bench: Bench) -> None:
    bench.local = None
    bench.proxies.taken.add(None)
    bench.kernel.begins()
    bench.kernel.ends(5000)

    assert bench.closed() == ()


def of_failed(bench: Bench) -> None:
    bench.failed = True


def of_port(bench: Bench) -> None:
    bench.kernel.told[0] = (PID, FD, (HOST, 3128), 0, 0, False)


@pytest.mark.parametrize(("prepare", "reason"), [(of_failed, "unattached"), (of_port, "other_port")])
def test_what_is_known_without_looking(bench: Bench, prepare: Callable[[Bench], None], reason: Reason) -> None:
    bench.kernel.begins()
    prepare(bench)
    bench.kernel.ends(500)

    assert [row.reason for row in bench.closed()] == [reason]


def test_a_reason_that_is_not_found_in_time_is_not_known(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REASONS_WAIT_S", 0.0)
    never: Future[Any] = Future()
    bench.kernel.begins()
    bench.audit._known[PID] = never
    bench.kernel.ends(500)

    assert [row.reason for row in bench.closed()] == ["unknown"]


def test_another_program_is_looked_at_anew(bench: Bench) -> None:
    bench.kernel.begins()
    bench.kernel.ends(500)
    bench.take()
    bench.audit._known[PID].result()
    bench.audit.changed(PID)
    bench.reason = "rustls"
    bench.kernel.begins()
    bench.kernel.ends(600)

    assert {row.reason: row.sent for row in bench.closed()} == {"rustls": 600, "java": 500}


def test_rows_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNMETERED_ROWS_MAX", 1)
    for pid in (PID, PID + 1, PID + 2):
        bench.kernel.begins(pid)
        bench.kernel.ends(500, pid=pid)

    assert {(row.pid, row.process, row.host, row.connections) for row in bench.closed()} == {
        (PID, "java", HOST, 1),
        (0, audit.OTHER, audit.OTHER, 2),
    }
