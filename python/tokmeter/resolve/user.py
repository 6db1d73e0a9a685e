"""The name of a user id, and whose names hold for a process. Pure functions of the texts of ``uid_map`` and ``passwd``.

A uid means what the passwd of the process's own files says: 1000 in a container is not the person who is 1000 on the host.
In a user namespace of its own a process has other numbers than the host gives it, and no passwd knows those: the number
stays. Users that come from a directory service have no line in passwd, and stay numbers too.
"""

from __future__ import annotations

from tokmeter.attribution import clean

IDS = 2**32 - 1
"""How many user ids there are; a namespace that maps all of them to themselves has the host's users."""


def is_of_host(uid_map: bytes) -> bool:
    """Whether the users of a process are the host's, by its ``uid_map``: INSIDE, OUTSIDE and COUNT."""
    return uid_map.split() == [b"0", b"0", str(IDS).encode()]


def name(passwd: bytes, uid: int) -> str | None:
    """The first name that `passwd` gives to `uid`. A line that was cut before its group is no line."""
    wanted = str(uid).encode()
    for line in passwd.split(b"\n"):
        fields = line.split(b":")
        if len(fields) >= 4 and fields[2] == wanted:
            return clean(fields[0].decode(errors="replace"))
    return None
