"""The thread that attaches: it keeps nobody waiting, and goes by what it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import monotonic, sleep
from typing import Any

import pytest

from tokmeter.capture.ebpf import Selection, TracerError, coverage, limits
from tokmeter.capture.ebpf.coverage import Coverage
from tokmeter.capture.ebpf.probes import PROGRAMS
from tokmeter.errors import TokmeterError

LIMIT_S = 20


class Kernel:
    """Stands in for `Loader` and `Attachments`. Detaching waits until it may go on."""

    def __init__(self) -> None:
        self.prepared: list[str] = []
        self.covered: list[int] = []
        self.order: list[str] = []
        self.waiting: list[int] = []
        self.detached: list[int] = []
        self.detaching = threading.Event()
        self.may_detach = threading.Event()
        self.complete = True
        self.refusal: TokmeterError | None = None
        self.files = 1
        self.failures = 0

    def prepare(self, program: str) -> None:
        self.prepared.append(program)
        raise OSError("the kernel does not take it")

    def cover(self, pid: int) -> bool:
        if self.refusal is not None:
            raise self.refusal
        self.covered.append(pid)
        self.order.append(f"cover {pid}")
        return self.complete

    def release(self, pid: int) -> None:
        self.waiting.append(pid)

    def sweep(self) -> None:
        pass

    def detach_next(self) -> bool:
        if not self.waiting:
            return False
        self.detaching.set()
        assert self.may_detach.wait(LIMIT_S)
        self.detached.append(self.waiting.pop(0))
        self.order.append("detach")
        return True


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> dict[int, bytes]:
    """How much code processes have; those that are not in it are not there."""
    known = {1: b"one", 2: b"two", 3: b"three"}
    monkeypatch.setattr(coverage, "code_size", known.get)
    return known


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, sizes: dict[int, bytes]) -> Kernel:
    assert sizes
    monkeypatch.setattr(limits, "NEWCOMER_SCANS_S", ())
    return Kernel()


@pytest.fixture
def start(kernel: Kernel) -> Iterator[Callable[..., Coverage]]:
    """Starts one with processes, and ends it."""
    running: list[Coverage] = []

    def begin(*pids: int, selection: Callable[[], Any] = list) -> Coverage:
        running.append(Coverage(kernel, kernel, Selection(processes=selection)))  # type: ignore[arg-type]
        running[-1].start(pids)
        return running[-1]

    yield begin
    kernel.may_detach.set()
    for each in running:
        each.stop()


def until(done: Callable[[], bool]) -> None:
    before = monotonic() + LIMIT_S
    while not done():
        assert monotonic() < before
        sleep(0.002)


def test_it_has_settled_when_everybody_is_covered_and_the_kernel_has_seen_every_program(
    kernel: Kernel, start: Callable[..., Coverage]
) -> None:
    running = start(1, 2)

    assert running.settled.wait(LIMIT_S)

    assert kernel.covered == [1, 2]
    assert sorted(kernel.prepared) == sorted(PROGRAMS)
    assert running.failure is None


def test_it_has_settled_whatever_is_left_to_detach_from(kernel: Kernel, start: Callable[..., Coverage]) -> None:
    kernel.waiting.append(7)

    running = start(1)

    assert running.settled.wait(LIMIT_S)
    assert kernel.detached == []


def test_who_tells_of_an_end_does_not_wait_for_it(kernel: Kernel, start: Callable[..., Coverage]) -> None:
    running = start(1)

    running.tell((), (1,))
    assert kernel.detaching.wait(LIMIT_S)
    running.tell((2,), ())

    assert kernel.detached == []
    kernel.may_detach.set()
    until(lambda: kernel.covered == [1, 2])
    until(lambda: kernel.detached == [1])


def test_a_process_that_comes_is_covered_before_the_next_one_is_detached_from(
    kernel: Kernel, start: Callable[..., Coverage]
) -> None:
    running = start(1, 2)
    running.tell((), (1, 2))
    assert kernel.detaching.wait(LIMIT_S)

    running.tell((3,), ())
    kernel.may_detach.set()

    until(lambda: len(kernel.detached) == 2)
    assert kernel.order == ["cover 1", "cover 2", "detach", "cover 3", "detach"]


def test_the_end_waits_for_one_call_of_the_kernel_and_not_for_all(
    kernel: Kernel, start: Callable[..., Coverage]
) -> None:
    running = start(1, 2)
    running.tell((), (1, 2))
    assert kernel.detaching.wait(LIMIT_S)

    assert not running.ends()
    kernel.may_detach.set()
    running.stop()

    assert running.ends()
    assert len(kernel.detached) == 1


def test_what_is_not_permitted_is_kept_for_the_reader(kernel: Kernel, start: Callable[..., Coverage]) -> None:
    kernel.refusal = TracerError("not permitted")

    running = start(1)

    assert running.settled.wait(LIMIT_S)
    assert running.failure is kernel.refusal


def test_files_are_gone_through_again_when_more_code_is_mapped(
    kernel: Kernel, start: Callable[..., Coverage], sizes: dict[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCAN_S", 0.0)
    asked = threading.Semaphore(0)

    def processes() -> list[int]:
        asked.release()
        return []

    start(1, 2, selection=processes)
    for _ in range(5):
        assert asked.acquire(timeout=LIMIT_S)
    assert kernel.covered == [1, 2]

    sizes[2] = b"more"

    until(lambda: kernel.covered == [1, 2, 2])


def test_what_could_not_be_attached_to_is_tried_again(
    kernel: Kernel, start: Callable[..., Coverage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCAN_S", 0.0)
    kernel.complete = False
    start(1)
    until(lambda: len(kernel.covered) > 1)

    kernel.complete = True
    until(lambda: len(kernel.covered) > 2)
    known = len(kernel.covered)
    sleep(0.05)
    assert len(kernel.covered) <= known + 1


def test_who_is_chosen_and_who_is_gone_is_told_once(
    kernel: Kernel, start: Callable[..., Coverage], sizes: dict[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SCAN_S", 0.0)
    del sizes[1]
    running = start(1, 2, selection=lambda: [2, 3])
    chosen: set[int] = set()
    gone: list[int] = []

    def told() -> bool:
        more, ended = running.told()
        chosen.update(more)
        gone.extend(ended)
        return bool(chosen and gone)

    until(told)

    assert (chosen, gone) == ({2, 3}, [1])
    assert kernel.waiting == [1]


def test_one_that_has_ended_before_it_was_looked_at_is_not_looked_at(
    kernel: Kernel, start: Callable[..., Coverage]
) -> None:
    running = start(1)
    running.tell((), (1,))
    assert kernel.detaching.wait(LIMIT_S)

    running.tell((2, 3), (2,))
    kernel.may_detach.set()

    until(lambda: 3 in kernel.covered)
    assert kernel.covered == [1, 3]
