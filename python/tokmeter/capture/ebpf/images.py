"""Executables and libraries with TLS functions: which ones a process has mapped, and where their functions are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from tokmeter import _core
from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.probes import GO_PROBES, PROBES

LIBRARY_WORDS = ("libssl", "libgnutls", "libnode", "boringssl", "libcurl-impersonate")
"""A library is looked into when its file name has one of these; an executable always."""

LIBRARY_FOLDERS = ("usr/lib/*-linux-gnu", "usr/lib64", "usr/lib", "usr/local/lib", "usr/local/lib64", "lib/*-linux-gnu")
LIBRARY_FILES = ("libssl.so*", "libgnutls.so*")
"""Where a process that starts will find its library, before it has mapped it."""

FUNCTIONS = [probe.function for probe in PROBES]
GO_FUNCTIONS = [probe.function for probe in GO_PROBES]


@dataclass(frozen=True, slots=True)
class Image:
    """A file, by what it is on disk, and one path under which it can be opened here."""

    device: int
    inode: int
    path: Path

    @property
    def key(self) -> tuple[int, int]:
        """The same for the same file, whatever its path."""
        return self.device, self.inode


@dataclass(frozen=True, slots=True)
class Place:
    """Where a function is in a file."""

    offset: int
    returns: tuple[int, ...] = ()
    """Offsets of its return instructions; of functions of Go only."""


class Images:
    """Looks into files once. Bounded; not for several threads."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        """Look at processes through the given proc file system."""
        self._proc = proc
        self._functions: dict[tuple[int, int, int], dict[str, Place]] = {}
        self._installed: dict[tuple[Path, int, int], tuple[float, list[str]]] = {}

    def functions(self, image: Image) -> dict[str, Place]:
        """The TLS functions of a file and where they are in it; empty when there are none, or it is no program."""
        try:
            stat = image.path.stat()
        except OSError:
            return {}
        key = (stat.st_dev, stat.st_ino, stat.st_mtime_ns)
        if key in self._functions:
            return self._functions[key]
        found: dict[str, Place] = {}
        if stat.st_size <= limits.IMAGE_BYTES_MAX:
            try:
                found = {
                    name: Place(offset, tuple(returns))
                    for name, offset, returns in _core.functions(image.path, FUNCTIONS, GO_FUNCTIONS)
                }
            except OSError:
                found = {}
        if len(self._functions) >= limits.IMAGES_MAX:
            self._functions.clear()
        self._functions[key] = found
        return found

    def of_process(self, pid: int) -> list[Image]:
        """Files with TLS functions that a process has mapped, or will find where libraries are.

        Those of a container are in its own file system. Empty when the process is gone.
        """
        root = self._proc / str(pid) / "root"
        return [image for image in self.of_paths(self._candidates(pid, root)) if self.functions(image)]

    def of_paths(self, paths: Iterable[Path]) -> Iterator[Image]:
        """The files that are there, each once."""
        seen: set[tuple[int, int]] = set()
        for path in paths:
            image = _image(path)
            if image is not None and image.key not in seen:
                seen.add(image.key)
                yield image

    def _candidates(self, pid: int, root: Path) -> Iterator[Path]:
        yield self._proc / str(pid) / "exe"
        for mapped in sorted(self.mapped(pid)):
            if any(word in mapped.rpartition("/")[2] for word in LIBRARY_WORDS):
                yield root / mapped.lstrip("/")
        for name in self._libraries(pid, root):
            yield root / name

    def _libraries(self, pid: int, root: Path) -> list[str]:
        """Paths below a root where libraries may be. Asked again after a while: it takes some milliseconds."""
        try:
            stat = root.stat()
            # The same folder can have other contents in another namespace of mounts.
            where = ((self._proc / str(pid) / "ns/mnt").readlink(), stat.st_dev, stat.st_ino)
        except OSError:
            return []
        now = monotonic()
        at, found = self._installed.get(where, (-limits.LIBRARIES_FRESH_S, []))
        if now - at < limits.LIBRARIES_FRESH_S:
            return found
        found = []
        for folder in LIBRARY_FOLDERS:
            for name in LIBRARY_FILES:
                try:
                    found += (str(path.relative_to(root)) for path in root.glob(f"{folder}/{name}"))
                except OSError:
                    continue
        if len(self._installed) >= limits.ROOTS_MAX:
            self._installed.clear()
        self._installed[where] = (now, found)
        return found

    def mapped(self, pid: int) -> set[str]:
        """Paths of the files whose instructions a process has mapped, as it sees them."""
        try:
            with (self._proc / str(pid) / "maps").open("rb") as file:
                text = file.read(limits.MAPS_BYTES_MAX)
        except OSError:
            return set()
        names = set()
        for line in text.splitlines():
            fields = line.split(maxsplit=5)
            if len(fields) == len(("range", "flags", "offset", "device", "inode", "path")) and b"x" in fields[1]:
                path = os.fsdecode(fields[5])
                # A file that was replaced is still mapped; it can be reached by its address only, which needs more privileges.
                if path.startswith("/") and not path.endswith(" (deleted)"):
                    names.add(path)
        return names


def is_process(pid: int, proc: Path = Path("/proc")) -> bool:
    """Whether an id is that of a process, and not of a thread, which looks alike there."""
    return code_size(pid, proc) is not None


def code_size(pid: int, proc: Path = Path("/proc")) -> bytes | None:
    """How much code a process has mapped, in the kernel's words: other words when it has loaded a library. None without a process.

    An id of a thread, which looks alike there, is none of a process.
    """
    try:
        status = (proc / str(pid) / "status").read_bytes()
    except OSError:
        return None
    if b"\nTgid:\t%d\n" % pid not in status:
        return None
    return b"".join(line for line in status.splitlines() if line.startswith((b"VmExe:", b"VmLib:")))


def _image(path: Path) -> Image | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return Image(stat.st_dev, stat.st_ino, path)
