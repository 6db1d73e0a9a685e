"""BCC's own `sslsniff`, restricted to one process, as something to compare with. What it prints is thrown away."""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ebpf_empty import library

from tokmeter.capture.ebpf import bcc_source

DEFAULT = Path("/usr/sbin/sslsniff-bpfcc")
ONLY_EXTRA = ("--no-openssl", "--no-gnutls", "--no-nss", "--extra-lib")
ATTACHED = 4
START_S = 60
SCHED = "#pragma once\n#define TASK_COMM_LEN 16\n#define min(a, b) ((a) < (b) ? (a) : (b))\n"
LOST = re.compile(r"lost (\d+) samples")


class Sslsniff:
    """A running one."""

    def __init__(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        """What it complains of goes to `errors`."""
        self._process = process
        self._errors = errors

    def cpu_ns(self) -> int:
        """CPU that it has used, in ticks."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")

    def lost(self) -> int:
        """Events that it says it has lost."""
        return sum(int(each) for each in LOST.findall(self._errors.read_text(errors="replace")))


def missing(program: Path) -> str | None:
    """Why it cannot run; None if it can."""
    if not program.exists():
        return f"{program} is not there (Debian package bpfcc-tools)"
    if not Path("/usr/lib/python3/dist-packages/bcc").is_dir():
        return "needs the distribution's BCC (Debian package python3-bpfcc)"
    return None


@contextmanager
def sslsniff(program: Path, pid: int) -> Iterator[Sslsniff]:
    """Trace one process while the context lasts. Raises `RuntimeError` when it does not start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # The same headers that stand in for the kernel's when tokmeter compiles with BCC, and one more.
        bcc_source.headers(folder)
        (folder / "include/linux/sched.h").write_text(SCHED)
        environment = {"PATH": os.defpath, "BCC_KERNEL_SOURCE": name, "PYTHONDONTWRITEBYTECODE": "1"}
        command = ["/usr/bin/python3", str(program), "-p", str(pid), *ONLY_EXTRA, f"openssl:{library(pid)}"]
        errors = folder / "errors"
        with errors.open("wb") as said:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment)
        try:
            _await_probes(process)
            yield Sslsniff(process, errors)
        finally:
            process.terminate()
            process.wait()


def _await_probes(process: subprocess.Popen[bytes]) -> None:
    wanted = ATTACHED + (os.cpu_count() or 1)
    before = time.monotonic() + START_S
    while time.monotonic() < before and process.poll() is None:
        opened = _opened(process.pid)
        if sum("perf_event" in each for each in opened) >= wanted:
            return
        time.sleep(0.05)
    raise RuntimeError("sslsniff does not start")


def _opened(pid: int) -> list[str]:
    found = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        # Closed meanwhile, or the process has ended.
        with suppress(OSError):
            found.append(str(each.readlink()))
    return found
