"""What Python and the kernel's programs must agree on, and what a person is told when something is missing."""

from __future__ import annotations

import re
import sys
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest

from tokmeter._core import Attribution, Meter, PriceBook
from tokmeter.capture.ebpf import Selection, TracerError, TracerSettings, bcc, limits
from tokmeter.capture.ebpf.probes import BY_FUNCTION, PLAIN_EVENTS, PROCESS_EVENTS
from tokmeter.errors import TokmeterError

PROGRAMS = resources.files("tokmeter.capture.ebpf").joinpath("programs")


def source() -> str:
    return "".join(
        file.read_text(encoding="utf-8") for file in PROGRAMS.iterdir() if file.name.endswith((".h", ".bpf.c"))
    )


def test_every_program_that_is_attached_is_in_the_source() -> None:
    named = {program for program, _, _ in (*PROCESS_EVENTS, *PLAIN_EVENTS)}
    named |= {program for probe in BY_FUNCTION.values() for program in (probe.enter, probe.leave) if program}

    assert [program for program in sorted(named) if not re.search(rf"\b{program}\b", source())] == []


def test_what_returns_is_attached_where_something_was_entered() -> None:
    assert [probe.function for probe in BY_FUNCTION.values() if probe.leave == probe.enter] == []
    entered = {event.removeprefix("sys_enter_") for _, _, event in PLAIN_EVENTS if event.startswith("sys_enter_")}
    left = {event.removeprefix("sys_exit_") for _, _, event in PLAIN_EVENTS if event.startswith("sys_exit_")}
    # Nothing is waited for here: what is opened or closed is so whatever comes of it.
    assert entered - left == {"close", "connect"}
    assert left < entered


def test_the_kernel_has_room_for_every_process_that_is_traced() -> None:
    (size,) = re.findall(r"HASH\(allowed, __u32, __u32, (\d+)\)", source())

    assert int(size) == limits.PROCESSES_MAX


def test_the_ring_is_what_the_kernel_takes() -> None:
    assert limits.RING_BYTES & (limits.RING_BYTES - 1) == 0
    assert limits.RING_BYTES % 4096 == 0


def test_a_fault_of_the_machine_has_an_exit_code_of_its_own() -> None:
    codes = {kind.exit_code for kind in (TokmeterError, TracerError)}

    assert codes == {1, 3}


def test_the_package_of_the_same_name_is_not_taken_for_bcc(monkeypatch: pytest.MonkeyPatch) -> None:
    other = ModuleType("bcc")
    other.__file__ = "site-packages/bcc/__init__.py"
    monkeypatch.setitem(sys.modules, "bcc", other)
    before = list(sys.path)

    with pytest.raises(TracerError, match="not the BPF Compiler Collection") as told:
        bcc.BccLoader(
            TracerSettings(selection=Selection(processes=list)),
            Meter(price_book=PriceBook.embedded(), seed=bytes(16)),
            lambda pid: Attribution(pid=pid),
            child_offset=0,
            clock_offset=0,
        )

    assert told.value.where == other.__file__
    assert "python3-bpfcc" in (told.value.hint or "")
    assert sys.path == before


def test_bcc_that_is_absent_is_a_fault_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bcc, "DISTRIBUTION_PACKAGES", Path("nowhere"))
    monkeypatch.setitem(sys.modules, "bcc", None)

    with pytest.raises(TracerError, match="BCC is not there"):
        bcc.BccLoader(
            TracerSettings(selection=Selection(processes=list)),
            Meter(price_book=PriceBook.embedded(), seed=bytes(16)),
            lambda pid: Attribution(pid=pid),
            child_offset=0,
            clock_offset=0,
        )
