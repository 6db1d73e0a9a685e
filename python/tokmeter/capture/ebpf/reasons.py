"""Why nothing of a process's TLS was seen, by what it is made of, and what to do about it.

Files are searched for words that are left in them when symbols are not: the paths of source files that errors name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.images import Images

type Reason = Literal["java", "rustls", "stripped", "unattached", "late", "other_port", "no_library", "unknown"]

PROXY: Final = "run it through tokmeter proxy"
ADVICE: Final[dict[Reason, str]] = {
    "java": f"Java has its own TLS; {PROXY}",
    "rustls": f"rustls has no functions that can be attached to; {PROXY}",
    "stripped": f"its OpenSSL or BoringSSL is built in without symbols; {PROXY}",
    "unattached": f"its TLS library could not be attached to; see the log, or {PROXY}",
    "late": "its TLS library was attached to after the connection had begun; what it connects to from now on is seen",
    "other_port": "it goes through another proxy; let that one pass to tokmeter proxy",
    "no_library": f"it has no TLS library that is known; {PROXY}",
    "unknown": f"it had ended before it was looked at; choose its control group, or {PROXY}",
}

RUSTLS: Final = b"rustls"
OPENSSL: Final = b"ssl/ssl_lib.c"
"""Of OpenSSL and, with one letter more, of BoringSSL."""
JAVA: Final = "libjvm.so"


class Reasons:
    """Looks into each file once. For one thread, which need not be the one that attaches."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        """Look at processes through the given proc file system."""
        self._proc = proc
        self._images = Images(proc)
        self._words: dict[tuple[int, int, int], frozenset[bytes]] = {}

    def of(self, pid: int) -> Reason:
        """What a process is made of says why. Never raises: it may end at any moment."""
        folder = self._proc / str(pid)
        try:
            program = (folder / "exe").readlink().name
        except OSError:
            return "unknown"
        files = self._images.mapped(pid)
        names = {path.rpartition("/")[2] for path in files}
        if program == "java" or JAVA in names:
            return "java"
        paths = [folder / "exe", *(folder / "root" / path.lstrip("/") for path in sorted(files))]
        found, known = self._search(paths)
        if RUSTLS in found:
            return "rustls"
        if known:
            return "late"
        return "stripped" if OPENSSL in found else "no_library"

    def _search(self, paths: list[Path]) -> tuple[set[bytes], bool]:
        """Words that are in files that cannot be attached to, and whether there is one that can."""
        found: set[bytes] = set()
        known = False
        left = limits.SEARCHED_BYTES_MAX
        for image in self._images.of_paths(paths):
            if self._images.functions(image):
                known = True
                continue
            words, size = self._words_in(image.path, left)
            left -= size
            found |= words
        return found, known

    def _words_in(self, path: Path, limit: int) -> tuple[frozenset[bytes], int]:
        """The words of a file, and how much of it was read."""
        try:
            with path.open("rb") as file:
                stat = os.fstat(file.fileno())
                key = (stat.st_dev, stat.st_ino, stat.st_mtime_ns)
                if key in self._words:
                    return self._words[key], 0
                if stat.st_size > limit:
                    return frozenset(), 0
                words = frozenset(
                    word for block in _blocks(file.fileno()) for word in (RUSTLS, OPENSSL) if word in block
                )
        except OSError:
            return frozenset(), 0
        if len(self._words) >= limits.IMAGES_MAX:
            self._words.clear()
        self._words[key] = words
        return words, stat.st_size


def _blocks(descriptor: int) -> Iterator[bytes]:
    """A file in blocks that overlap by more than a word; small, so that other threads have their turn."""
    at = 0
    while block := os.pread(descriptor, limits.BLOCK_BYTES, at):
        yield block
        at += limits.BLOCK_BYTES - len(OPENSSL)
        if len(block) < limits.BLOCK_BYTES:
            return
