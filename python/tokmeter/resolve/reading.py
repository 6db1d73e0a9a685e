"""Bounded reads of files that others write and that may vanish. Knows no format.

Nothing here raises: what cannot be read is None, or an empty list. Neither a pipe nor a device that somebody put in the
place of a file can make the reader wait.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

FILE_BYTES_MAX = 64 * 1024
"""Bytes of a file that are looked at: the kernel's are below 10 KiB, but environments and runtime state may be anything."""

LIST_BYTES_MAX = 1024 * 1024
"""Bytes of a file that lists a whole host: 130,000 process ids, or the records of some 1,500 containers."""

NAMES_MAX = 65_536
"""Entries of a folder that are looked at: more than a host has pods or a cgroup has children."""

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def read(path: Path, limit: int = FILE_BYTES_MAX) -> bytes | None:
    """At most `limit` first bytes of a regular file; None where there is none that may be read."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError):
        return None
    return _drain(descriptor, limit)


def read_inside(root: Path, *parts: str, limit: int = FILE_BYTES_MAX) -> bytes | None:
    """As `read`, of a file below another root directory, without following any link on the way.

    A link that a container made would lead into the host's files: links are resolved by the reader's root.
    """
    *folders, name = parts
    with ExitStack() as opened:
        try:
            at = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.callback(os.close, at)
            for folder in folders:
                at = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                opened.callback(os.close, at)
            descriptor = os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=at)
        except (OSError, ValueError):
            return None
        return _drain(descriptor, limit)


def names(folder: Path) -> list[str]:
    """The names of at most `NAMES_MAX` entries of a folder, sorted; none where it cannot be listed."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, NAMES_MAX))
    except (OSError, ValueError):
        return []


def folders(folder: Path) -> list[str]:
    """As `names`, of the folders in a folder alone; links to folders are none."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in islice(entries, NAMES_MAX) if entry.is_dir(follow_symlinks=False))
    except (OSError, ValueError):
        return []


def is_file(path: Path) -> bool:
    """Whether there is a regular file, readable or not."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _drain(descriptor: int, limit: int) -> bytes | None:
    pieces: list[bytes] = []
    left = limit
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        # Files of /proc come a page at a time: a short read is not the end.
        while left > 0 and (piece := os.read(descriptor, left)):
            pieces.append(piece)
            left -= len(piece)
    except OSError:
        # The process went between opening and reading; half of what it was tells nothing.
        return None
    finally:
        os.close(descriptor)
    return b"".join(pieces)
