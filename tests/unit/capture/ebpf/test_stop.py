"""When processes are stopped, and when they are resumed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.capture.ebpf.test_scopes import account, budget
from tokmeter._core import Attribution, Budget, Meter, PriceBook, Request
from tokmeter.capture.ebpf.addresses import Addresses, destination, key
from tokmeter.capture.ebpf.faults import TracerError
from tokmeter.capture.ebpf.scopes import Scopes, Subject
from tokmeter.capture.ebpf.stop import KernelStop, Stopped, root
from tokmeter.config import Config

LLM = ("10.0.0.1", 443)


def who(pid: int) -> Subject | None:
    """Only this test's own process is not of service ``shop``."""
    return {"service": "test" if pid == os.getpid() else "shop"}


class Kernel:
    """The tables, as a loader has them."""

    def __init__(self, refuses: str = "") -> None:
        self.attached: dict[int, str] = {}
        self.processes: set[int] = set()
        self.destinations: set[tuple[int, int, int]] = set()
        self._refuses = refuses

    def attach_group(self, program: str, group: Path) -> int:
        if program == self._refuses:
            raise OSError("not permitted\nmore")
        self.attached[len(self.attached) + 1] = program
        return len(self.attached)

    def detach(self, attachment: int) -> None:
        del self.attached[attachment]

    def stop(self, process: int) -> None:
        self.processes.add(process)

    def resume(self, process: int) -> None:
        self.processes.discard(process)

    def stopped(self) -> list[int]:
        return sorted(self.processes)

    def refuse(self, destination: tuple[int, int, int]) -> None:
        self.destinations.add(destination)


@pytest.fixture
def sleeping() -> Iterator[int]:
    """A process of service ``shop``."""
    process = subprocess.Popen(["sleep", "60"])
    yield process.pid
    process.kill()
    process.wait()


def mounts(folder: Path, text: str) -> Path:
    file = folder / "mounts"
    file.write_text(text)
    return file


def stop(accounts: list[dict[str, Any]], closed: list[Path], **scope: str) -> KernelStop:
    def close(process: Path, wanted: Any) -> int:
        closed.append(process)
        return int(wanted(destination(*LLM)))

    addresses = Addresses(list, lambda _name, _port: False, lambda _: b"")
    addresses._known.add(destination(*LLM))
    return KernelStop(Scopes(Config(budgets=(budget(scope),))), lambda: accounts, who, addresses, close=close)


def test_a_process_is_stopped_until_the_window_renews(sleeping: int) -> None:
    kernel, accounts, closed = Kernel(), [account(spent=1)], list[Path]()
    kernel_stop = stop(accounts, closed, service="shop")

    kernel_stop.turn(kernel, [sleeping, os.getpid()])
    assert (kernel.stopped(), closed) == ([], [])

    accounts[:] = [account()]
    kernel_stop.turn_if_changed(kernel, [sleeping, os.getpid()])
    assert kernel.stopped() == [sleeping]
    assert kernel.destinations == {key(destination(*LLM))}
    assert closed == [Path(f"/proc/{sleeping}")]
    assert kernel_stop.state == Stopped(("cap",), 1, 1)

    accounts[:] = [account(spent=0)]
    kernel_stop.turn(kernel, [sleeping])
    assert kernel.stopped() == []
    assert kernel_stop.state == Stopped((), 0, 1)


def test_the_meter_s_own_window_lifts_it(sleeping: int) -> None:
    """An account as the core writes it, exhausted in one minute and renewed in the next."""
    minute = 60 * 10**9
    now = [1_767_225_600 * 10**9]
    meter = Meter(
        price_book=PriceBook.embedded(),
        budgets=[Budget("cap", scope=[("service", "*")], period="minute", requests=1, mode="enforce")],
        seed=bytes(16),
    )
    body = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}'
    request = Request(
        method="POST", host="api.openai.com", port=443, path="/v1/chat/completions", headers=[], body=body
    )
    held = meter.open(request, Attribution(service="shop"), now[0])
    kernel = Kernel()
    kernel_stop = KernelStop(
        Scopes(Config(budgets=(budget({"service": "*"}),))),
        lambda: meter.snapshot(now[0]).budgets(),
        who,
        Addresses(list, lambda _name, _port: False, lambda _: b""),
    )

    kernel_stop.turn(kernel, [sleeping])
    assert (held is not None, kernel.stopped()) == (True, [sleeping])

    del held
    now[0] += minute
    kernel_stop.turn(kernel, [sleeping])
    assert kernel.stopped() == []


def test_a_child_that_the_kernel_stopped_is_judged_like_others(sleeping: int) -> None:
    kernel = Kernel()
    kernel_stop = stop([account()], [], service="shop")
    kernel_stop.turn(kernel, [sleeping])
    kernel.processes.add(os.getpid())
    kernel_stop.turn(kernel, [])
    # Nothing applies to it, but it may be about to become another program: it is looked at once more.
    assert set(kernel.stopped()) == {sleeping, os.getpid()}

    kernel_stop.turn(kernel, [])
    assert kernel.stopped() == [sleeping]


def test_nothing_is_half_attached(tmp_path: Path) -> None:
    kernel = Kernel(refuses="stop_connect6")
    kernel_stop = KernelStop(
        Scopes(Config()),
        list,
        who,
        Addresses(list, lambda _name, _port: False, lambda _: b""),
        mounts=mounts(tmp_path, "cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n"),
    )

    with pytest.raises(TracerError, match="does not let the tracer refuse connections: not permitted at"):
        kernel_stop.attach(kernel)
    assert kernel.attached == {}


def test_a_machine_without_version_2_is_told(tmp_path: Path) -> None:
    with pytest.raises(TracerError, match="no control groups of version 2") as failure:
        root(mounts(tmp_path, "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\nshort\n"))
    assert failure.value.exit_code == 3
