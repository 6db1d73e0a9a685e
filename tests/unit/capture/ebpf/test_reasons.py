"""Why nothing of a process was seen, from a proc file system made of files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.capture.ebpf.test_images import PID, libssl, maps
from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.reasons import ADVICE, Reason, Reasons


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """One process that runs /opt/agent, which has nothing in it."""
    root = tmp_path / "proc" / str(PID) / "root"
    (root / "opt").mkdir(parents=True)
    (root / "opt/agent").write_bytes(b"\x7fELF of nothing")
    (root.parent / "exe").symlink_to(root / "opt/agent")
    maps(tmp_path / "proc", "/opt/agent")
    return tmp_path / "proc"


def program(proc: Path, name: str, content: bytes) -> None:
    file = proc / str(PID) / "root/opt" / name
    file.write_bytes(content)
    exe = proc / str(PID) / "exe"
    exe.unlink()
    exe.symlink_to(file)
    maps(proc, f"/opt/{name}")


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("java", b"", "java"),
        ("codex", b"x" * (limits.BLOCK_BYTES - 3) + b"rustls-0.23.1/src/conn.rs", "rustls"),
        ("claude", b"../boringssl/src/ssl/ssl_lib.cc", "stripped"),
        ("agent", b"ssl/ssl_lib.c", "stripped"),
        ("both", b"ssl/ssl_lib.c rustls", "rustls"),
        ("agent", b"", "no_library"),
    ],
)
def test_a_program_says_by_what_is_in_it(proc: Path, name: str, content: bytes, reason: Reason) -> None:
    program(proc, name, content)

    assert Reasons(proc).of(PID) == reason


def test_a_mapped_library_says_it_too(proc: Path) -> None:
    for name, content in (("libjvm.so", b""), ("wheel.abi3.so", b"rustls")):
        (proc / str(PID) / "root/opt" / name).write_bytes(content)
    maps(proc, "/opt/agent", "/opt/wheel.abi3.so", "/opt/gone.so")
    assert Reasons(proc).of(PID) == "rustls"

    maps(proc, "/opt/agent", "/opt/libjvm.so")
    assert Reasons(proc).of(PID) == "java"


def test_a_library_that_can_be_attached_to_came_late(proc: Path) -> None:
    shutil.copy(libssl(), proc / str(PID) / "root/opt/libssl.so.3")
    maps(proc, "/opt/agent", "/opt/libssl.so.3")

    assert Reasons(proc).of(PID) == "late"


def test_who_is_gone_is_not_known(tmp_path: Path) -> None:
    assert Reasons(tmp_path).of(PID) == "unknown"


def test_what_is_too_large_is_not_searched(proc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(proc, "agent", b"rustls and more")
    monkeypatch.setattr(limits, "SEARCHED_BYTES_MAX", 5)

    assert Reasons(proc).of(PID) == "no_library"


def test_a_file_is_searched_once(proc: Path) -> None:
    program(proc, "agent", b"rustls")
    reasons = Reasons(proc)
    assert [reasons.of(PID), reasons.of(PID)] == ["rustls", "rustls"]
    assert len(reasons._words) == 1


def test_each_reason_has_its_advice() -> None:
    assert all(";" in advice and not advice.endswith(".") for advice in ADVICE.values())
