"""The control groups of a process, from the text of ``/proc/PID/cgroup``. Knows no container and reads no file.

One line for each hierarchy, ``NUMBER:CONTROLLERS:PATH``:

- v2: one line, ``0::/system.slice/nginx.service``
- v1: one line a controller, ``7:memory:/docker/<id>``, and ``1:name=systemd:/docker/<id>``
- hybrid: both; containers are usually placed by v1 alone, and their ``0::`` line tells where the runtime runs

Paths are relative to the cgroup namespace of the reader. From inside one, groups beside and above it begin with ``/..``,
and the names of the shared parents are not told: what is left of the path is what is known.
"""

from __future__ import annotations

from typing import Literal

LINES_MAX = 64
"""Lines that are looked at: a kernel has some fourteen controllers, each may have a hierarchy of its own."""

Version = Literal["v1", "hybrid", "v2"]

_DELETED = " (deleted)"
"""The kernel's mark on a group that was removed while a process was still in it."""


def hierarchies(data: bytes) -> list[tuple[str, str]]:
    """Controllers (empty for v2) and normalised path of each line that is one, in their order."""
    found: list[tuple[str, str]] = []
    for line in data.split(b"\n")[:LINES_MAX]:
        number, colon, rest = line.decode(errors="replace").partition(":")
        controllers, second, path = rest.partition(":")
        if colon and second and number.isdecimal() and path.startswith("/"):
            found.append((controllers, normal(path)))
    return found


def paths(data: bytes) -> tuple[str, ...]:
    """The distinct paths, those that say most first: v2, systemd's own hierarchy, the controllers, and ``/`` last."""
    ranked = sorted(hierarchies(data), key=lambda each: (each[1] == "/", bool(each[0]), each[0] != "name=systemd"))
    return tuple(dict.fromkeys(path for _, path in ranked))


def version(data: bytes) -> Version | None:
    """Which kind of host wrote this; None when it is not such a text."""
    kinds = {bool(controllers) for controllers, _ in hierarchies(data)}
    if not kinds:
        return None
    if kinds == {True, False}:
        return "hybrid"
    return "v1" if kinds == {True} else "v2"


def normal(path: str) -> str:
    """`path` from the reader's root, without what a namespace hides and without the mark of removal."""
    return "/" + "/".join(segments(path.removesuffix(_DELETED)))


def segments(path: str) -> list[str]:
    """The names of the groups, outermost first."""
    return [name for name in path.split("/") if name not in {"", ".", ".."}]
