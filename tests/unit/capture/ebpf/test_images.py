"""Which files with TLS functions a process has, from a proc file system made of files."""

import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.images import Images, code_size, is_process

PID = 4711


def libssl() -> Path:
    """The library that this interpreter has mapped; skips where it is linked otherwise."""
    assert ssl.OPENSSL_VERSION
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if "libssl" in path:
            return Path(path)
    pytest.skip("needs an interpreter with a shared OpenSSL")


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """One process: its root, its program, what it has mapped."""
    process = tmp_path / "proc" / str(PID)
    root = process / "root"
    (root / "opt").mkdir(parents=True)
    (process / "exe").symlink_to("/bin/sh")
    (process / "maps").write_text("")
    (process / "ns").mkdir()
    (process / "ns/mnt").symlink_to("mnt:[1]")
    return tmp_path / "proc"


def maps(proc: Path, *paths: str) -> None:
    lines = [f"7f0000000000-7f0000001000 r-xp 00000000 08:01 {index} {path}" for index, path in enumerate(paths, 1)]
    (proc / str(PID) / "maps").write_text("\n".join(lines) + "\n")


def test_a_mapped_library_is_found_in_the_root_of_its_process(proc: Path) -> None:
    shutil.copy(libssl(), proc / str(PID) / "root/opt/libssl.so.3")
    maps(proc, "/opt/libssl.so.3", "/opt/libother.so", "[heap]")

    images = Images(proc)
    [found] = images.of_process(PID)

    assert found.path == proc / str(PID) / "root/opt/libssl.so.3"
    functions = images.functions(found)
    assert {"SSL_write", "SSL_read", "SSL_write_ex", "SSL_read_ex", "SSL_ctrl", "SSL_free"} <= set(functions)
    assert all(0 < place.offset < found.path.stat().st_size for place in functions.values())


def test_a_library_is_found_before_it_is_mapped(proc: Path) -> None:
    folder = proc / str(PID) / "root/usr/lib/x86_64-linux-gnu"
    folder.mkdir(parents=True)
    shutil.copy(libssl(), folder / "libssl.so.3")

    assert [image.path.name for image in Images(proc).of_process(PID)] == ["libssl.so.3"]


def test_the_same_file_under_two_names_is_one(proc: Path) -> None:
    root = proc / str(PID) / "root"
    shutil.copy(libssl(), root / "opt/libssl.so.3")
    os.link(root / "opt/libssl.so.3", root / "opt/libssl.so")
    maps(proc, "/opt/libssl.so.3", "/opt/libssl.so")

    assert len(Images(proc).of_process(PID)) == 1


def test_what_is_no_program_has_no_functions(proc: Path) -> None:
    (proc / str(PID) / "root/opt/libssl.so.3").write_bytes(b"\x7fELF and then nothing of the kind")
    maps(proc, "/opt/libssl.so.3", "/opt/libssl-gone.so", "/opt/libssl.so.1 (deleted)")

    assert Images(proc).of_process(PID) == []


def test_a_file_that_is_replaced_is_looked_into_again(proc: Path) -> None:
    place = proc / str(PID) / "root/opt/libssl.so.3"
    place.write_bytes(b"not yet")
    maps(proc, "/opt/libssl.so.3")
    images = Images(proc)
    assert images.of_process(PID) == []

    shutil.copy(libssl(), place)

    assert len(images.of_process(PID)) == 1


def test_a_process_that_is_gone_has_nothing() -> None:
    assert Images().of_process(2**22 + 1) == []


def test_threads_are_no_processes(proc: Path) -> None:
    status = proc / str(PID) / "status"
    status.write_text(f"Name:\tx\nUmask:\t0022\nTgid:\t{PID}\nNgid:\t0\n")
    assert is_process(PID, proc)

    status.write_text(f"Name:\tx\nUmask:\t0022\nTgid:\t{PID - 1}\nNgid:\t0\n")
    assert not is_process(PID, proc)
    assert not is_process(PID + 1, proc)


def test_where_libraries_are_is_asked_once_a_while_for_each_namespace_of_mounts(
    proc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = Images(proc)
    assert images.of_process(PID) == []
    folder = proc / str(PID) / "root/usr/lib64"
    folder.mkdir(parents=True)
    shutil.copy(libssl(), folder / "libssl.so.3")

    assert images.of_process(PID) == []

    (proc / str(PID) / "ns/mnt").unlink()
    (proc / str(PID) / "ns/mnt").symlink_to("mnt:[2]")
    assert len(images.of_process(PID)) == 1
    (proc / str(PID) / "ns/mnt").unlink()
    (proc / str(PID) / "ns/mnt").symlink_to("mnt:[1]")
    monkeypatch.setattr(limits, "LIBRARIES_FRESH_S", 0.0)
    assert len(images.of_process(PID)) == 1


def test_a_process_that_loads_a_library_has_more_code() -> None:
    program = "import sys, ctypes.util; print(1, flush=True); sys.stdin.readline(); import _ssl; print(2, flush=True); input()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        before = code_size(process.pid)
        assert before == code_size(process.pid)
        process.stdin.write("go\n")
        process.stdin.flush()
        process.stdout.readline()
        after = code_size(process.pid)
        process.stdin.write("end\n")
    assert before is not None
    assert after is not None
    assert before != after
    assert code_size(process.pid) is None
