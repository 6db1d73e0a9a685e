"""The systemd unit that a cgroup path lies in, and what to call it as a service. Knows containers by their groups only.

- ``/system.slice/nginx.service``, ``/system.slice/system-worker.slice/worker@3.service``
- ``/user.slice/user-1000.slice/user@1000.service/app.slice/notes.service``: a unit of that user's own manager
- ``/user.slice/user-1000.slice/session-3.scope``: a login

The scope that a runtime makes for a container or its monitor is no unit of anybody's, and what lies outside of a
container is not the unit of what runs inside; systemd in a container has units of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokmeter.resolve.cgroup import segments
from tokmeter.resolve.container import of_segment

_MONITOR = re.compile(r"(?:libpod|crio)-conmon-.*")
_USER = re.compile(r"user@(\d{1,10})\.service")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
# By the desktop's convention: app-<launcher>-<application>-<random>.scope, the launcher left out by some.
_APPLICATION = re.compile(r"app(?:-[A-Za-z0-9]+)?-([^-]+)-[0-9a-f]+\.scope")
# A login, what systemd-run made without being given a name, and the manager itself: none of them says what runs.
_NAMELESS = re.compile(r"(?:session-[a-z]?\d+|run-[pru][0-9a-fi-]+|init)\.(?:scope|service)|user@\d+\.service")


@dataclass(frozen=True, slots=True)
class Unit:
    """A service or scope as ``systemctl`` shows it, and the uid of the user whose manager it belongs to."""

    name: str
    user: int | None = None

    @property
    def service(self) -> str | None:
        """The name without suffix and instance; None for units that do not say what runs in them."""
        if _NAMELESS.fullmatch(self.name):
            return None
        application = _APPLICATION.fullmatch(self.name)
        if application is not None:
            return unescape(application[1])
        stem = self.name.rpartition(".")[0]
        return unescape(stem.partition("@")[0]) or None


def find(path: str) -> Unit | None:
    """The innermost unit of `path`; of what lies in a container, only units inside."""
    unit: Unit | None = None
    user: int | None = None
    parent = ""
    for segment in segments(path):
        manager = _USER.fullmatch(segment)
        if of_segment(segment, parent) is not None:
            unit = user = None
        elif segment.endswith((".service", ".scope")) and not _MONITOR.match(segment):
            unit = Unit(segment, user)
        if manager is not None:
            user = int(manager[1])
        parent = segment
    return unit


def unescape(name: str) -> str:
    r"""`name` without systemd's escapes, ``\x2d`` for a dash; a sequence that is no text stays as it is."""
    try:
        return _ESCAPED.sub(lambda each: chr(int(each[1], 16)), name).encode("latin-1").decode()
    except UnicodeError:
        return name
