"""Which processes a person means: all, or those of a control group, a container or a pod. Knows no traffic.

A selection is a photograph: whoever traces it takes a new one now and then. What does not exist is a `TokmeterError`; what
exists and is empty is an empty list.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tokmeter.errors import TokmeterError
from tokmeter.resolve.container import SHORT
from tokmeter.resolve.naming import names_of
from tokmeter.resolve.placement import Placement
from tokmeter.resolve.pod import PodNames
from tokmeter.resolve.reading import LIST_BYTES_MAX, folders, is_file, names, read
from tokmeter.resolve.resolver import Resolver

GROUPS_MAX = 16_384
"""Groups below one that are looked at: a node of 250 pods has some 2,000."""

SHOWN_MAX = 5
"""Candidates that an error names."""


def every(resolver: Resolver) -> list[int]:
    """All process ids of the host, ascending; kernel threads are among them."""
    found = sorted(int(name) for name in names(resolver.roots.proc) if name.isdecimal())
    if not found:
        raise TokmeterError(
            "no processes can be seen",
            where=str(resolver.roots.proc),
            hint="name the folder where the host's /proc is mounted",
        )
    return found


def of_cgroup(resolver: Resolver, path: str) -> list[int]:
    """The processes of a control group and of all groups below it.

    `path` is that of a folder below the mount, or of a group as /proc/PID/cgroup writes it, with or without the slash.
    The latter is looked for in v2's hierarchy and in each of v1's, and what any of them holds is in the answer.
    """
    mount = resolver.roots.cgroup
    groups = [folder for folder in _places(mount, path) if is_file(folder / "cgroup.procs")]
    if not groups:
        raise TokmeterError(
            f"there is no control group {path}",
            where=str(mount),
            hint="copy a path from /proc/PID/cgroup, or from `systemd-cgls`",
        )
    return sorted({pid for folder in groups for pid in _members(folder)})


def of_container(resolver: Resolver, wanted: str) -> list[int]:
    """The processes of the one container with this name, or whose id begins so; those of containers inside included."""
    placed = _placed(resolver)
    known = _named(resolver, placed)
    # An exact name wins: it may look like the beginning of an id.
    matching = _outermost({each for each, named in known.items() if named.container == wanted}, placed)
    matching = matching or {each for each in known if wanted and each.startswith(wanted)}
    if not matching:
        raise TokmeterError(
            f"there is no running container {wanted}",
            where=str(resolver.roots.proc),
            hint=_candidates(named.container or each[:SHORT] for each, named in known.items()),
        )
    if len(matching) > 1 and not _in_one_pod(matching, placed, known):
        listed = sorted(f"{each[:SHORT]} ({_said(known[each])})" for each in matching)
        raise TokmeterError(
            f"{len(matching)} running containers are meant by {wanted}",
            hint=_candidates(listed, "write one of their ids"),
        )
    return sorted(pid for pid, at in placed.items() if any(each.id in matching for each in at.containers))


def of_pod(resolver: Resolver, wanted: str) -> list[int]:
    """The processes of a pod, written ``namespace/name``."""
    namespace, slash, name = wanted.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise TokmeterError(f"{wanted} does not name a pod", hint="write NAMESPACE/NAME, for example default/web-0")
    placed = {pid: at for pid, at in _placed(resolver).items() if at.pod_uid}
    known: dict[str | None, PodNames] = {}
    for at in placed.values():
        if at.pod_uid not in known:
            known[at.pod_uid] = names_of(resolver.roots, at)
    matching = {uid for uid, named in known.items() if (named.namespace, named.pod) == (namespace, name)}
    if not matching:
        raise TokmeterError(
            f"there is no running pod {wanted} on this host",
            where=str(resolver.roots.pod_logs),
            hint=_candidates(f"{named.namespace}/{named.pod}" for named in known.values() if named.pod),
        )
    return sorted(pid for pid, at in placed.items() if at.pod_uid in matching)


def _placed(resolver: Resolver) -> dict[int, Placement]:
    return {pid: resolver.placement(pid) for pid in every(resolver)}


def _named(resolver: Resolver, placed: dict[int, Placement]) -> dict[str, PodNames]:
    """The names of every container by its id; an inner one whose own are not known goes by those of the outer one."""
    known: dict[str, PodNames] = {}
    for at in placed.values():
        for index, container in enumerate(at.containers):
            if container.id not in known:
                own = Placement(at.cgroup, at.containers[index:], at.pod_uid)
                known[container.id] = names_of(resolver.roots, own)
    return known


def _outermost(ids: set[str], placed: dict[int, Placement]) -> set[str]:
    """`ids` without those that lie in another of them."""
    inner = {
        each.id
        for at in placed.values()
        for index, each in enumerate(at.containers)
        if any(outer.id in ids for outer in at.containers[index + 1 :])
    }
    return ids - inner


def _in_one_pod(ids: set[str], placed: dict[int, Placement], known: dict[str, PodNames]) -> bool:
    """Whether `ids` are of one pod and have one name.

    Where no runtime says better, what holds a pod together goes by the name of its only container.
    """
    found = {
        (at.pod_uid, known[each.id].container) for at in placed.values() for each in at.containers if each.id in ids
    }
    (pod, name), *others = found
    return not others and pod is not None and name is not None


def _said(named: PodNames) -> str:
    return "/".join(part for part in (named.namespace, named.pod, named.container) if part) or "no name"


def _candidates(found: Iterator[str] | list[str], otherwise: str = "is it running on this host?") -> str:
    listed = sorted(set(found))
    if not listed:
        return otherwise
    more = f" and {len(listed) - SHOWN_MAX} more" if len(listed) > SHOWN_MAX else ""
    return f"there are: {', '.join(listed[:SHOWN_MAX])}{more}"


def _places(mount: Path, path: str) -> list[Path]:
    """Where a group called `path` may lie. A path that climbs out of the mount lies nowhere."""
    # By text: a link that does not exist yet must not change what is meant.
    asked = PurePosixPath(os.path.normpath(f"/{path.lstrip('/')}" if path.startswith("/") else path))
    if asked.is_relative_to(mount):
        return [Path(asked)]
    relative = PurePosixPath(os.path.normpath(path.lstrip("/") or "."))
    if ".." in relative.parts or not path:
        return []
    hierarchies = [mount / name for name in folders(mount)]
    return [mount / relative, *(hierarchy / relative for hierarchy in hierarchies)]


def _members(folder: Path) -> Iterator[int]:
    waiting = [folder]
    seen = 0
    while waiting and seen < GROUPS_MAX:
        group = waiting.pop()
        seen += 1
        listed = read(group / "cgroup.procs", LIST_BYTES_MAX) or b""
        # 0 stands for a process that the reader's namespace of process ids does not have.
        yield from (int(line) for line in listed[: listed.rfind(b"\n") + 1].split() if line.isdigit() and line != b"0")
        waiting += [group / name for name in folders(group)]
