"""A control group of the test's own, gone afterwards."""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


def mount() -> Path:
    """Where version 2 is mounted; skips where it is not."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, flags, *_ = line.split()
        if kind == "cgroup2" and "rw" in flags.split(","):
            return Path(place)
    pytest.skip("needs control groups of version 2")


@contextlib.contextmanager
def cgroup() -> Iterator[Path]:
    """A new group. Its processes must have ended, and have been waited for, before it is left."""
    group = Path(tempfile.mkdtemp(prefix="tokmeter-test-", dir=mount()))
    try:
        yield group
    finally:
        group.rmdir()
