"""Process id in, workload out, with what was found kept for a moment. Knows which file answers what, and no format.

Never raises for what it reads: processes end between two reads, and files of /proc hold what programs put there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

from tokmeter import clock
from tokmeter.resolve import process, user
from tokmeter.resolve.cgroup import paths
from tokmeter.resolve.naming import names_of
from tokmeter.resolve.placement import Placement, place
from tokmeter.resolve.reading import read, read_inside
from tokmeter.resolve.roots import Roots
from tokmeter.resolve.workload import Workload

CACHED_MAX = 4096
"""Workloads that are kept, about 1 KiB each: more than a host has processes that call a provider."""

FRESH_NS = 10 * 10**9
"""How long an answer stands whose evidence is unchanged: containers are renamed, users added, unseen."""

INCOMPLETE_FRESH_NS = 10**9
"""The same for an answer with a name missing: runtimes write it down shortly after the process starts."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What is read again at each call: another program, group or user is seen at once."""

    stat: process.Stat
    uid: int | None
    groups: bytes
    """A digest: the text of a v1 host may be long, and only whether it is the same matters."""


@dataclass(frozen=True, slots=True)
class _Kept:
    evidence: _Evidence
    workload: Workload
    at: int


class Resolver:
    """Resolves the processes of one host. For one thread: nothing is locked."""

    def __init__(
        self, roots: Roots | None = None, *, cached_max: int = CACHED_MAX, now: Callable[[], int] = clock.now_ns
    ) -> None:
        """`now` gives nanoseconds; a clock that is set back makes answers old, never eternal."""
        self.roots = roots or Roots()
        self._cached_max = cached_max
        self._now = now
        self._cache: OrderedDict[tuple[int, int], _Kept] = OrderedDict()

    def workload(self, pid: int) -> Workload | None:
        """The workload of a process id; None when it is gone, or was given to another process while it was looked at."""
        seen = self._look(pid)
        if seen is None:
            return None
        evidence, groups = seen
        key = (pid, evidence.stat.start_time)
        now = self._now()
        kept = self._cache.get(key)
        if kept is not None and kept.evidence == evidence and _is_fresh(kept, now):
            self._cache.move_to_end(key)
            return kept.workload
        workload = self._resolve(pid, evidence, groups)
        after = process.stat(read(self.roots.process(pid) / "stat"))
        if after is None or after.start_time != evidence.stat.start_time:
            self._cache.pop(key, None)
            return None
        self._cache[key] = _Kept(evidence, workload, now)
        self._cache.move_to_end(key)
        while len(self._cache) > self._cached_max:
            self._cache.popitem(last=False)
        return workload

    def placement(self, pid: int) -> Placement:
        """Where a process is; nowhere when it is gone."""
        return place(paths(read(self.roots.process(pid) / "cgroup") or b""))

    def _look(self, pid: int) -> tuple[_Evidence, bytes] | None:
        """The evidence, and the text of the groups; None when the process is gone."""
        folder = self.roots.process(pid)
        stat = process.stat(read(folder / "stat"))
        if stat is None:
            return None
        uid = process.uid(read(folder / "status") or b"")
        groups = read(folder / "cgroup") or b""
        return _Evidence(stat, uid, blake2b(groups, digest_size=16).digest()), groups

    def _resolve(self, pid: int, evidence: _Evidence, groups: bytes) -> Workload:
        folder = self.roots.process(pid)
        placement = place(paths(groups))
        names = names_of(self.roots, placement)
        inner = placement.containers[0] if placement.containers else None
        return Workload(
            pid=pid,
            start_time=evidence.stat.start_time,
            parent=evidence.stat.parent,
            process=process.program(evidence.stat.comm, read(folder / "cmdline") or b""),
            declared_service=process.service(read(folder / "environ") or b""),
            uid=evidence.uid,
            user=self._user(pid, evidence.uid, in_container=inner is not None),
            cgroup=placement.cgroup,
            container_id=inner.id if inner else None,
            runtime=inner.runtime if inner else None,
            container=names.container,
            pod_uid=placement.pod_uid,
            pod=names.pod,
            namespace=names.namespace,
            unit=placement.unit,
        )

    def _user(self, pid: int, uid: int | None, *, in_container: bool) -> str | None:
        if uid is None:
            return None
        folder = self.roots.process(pid)
        if not user.is_of_host(read(folder / "uid_map") or b""):
            return str(uid)
        passwd = read_inside(folder / "root", "etc", "passwd") if in_container else read(self.roots.passwd)
        return user.name(passwd or b"", uid) or str(uid)


def _is_fresh(kept: _Kept, now: int) -> bool:
    return 0 <= now - kept.at < (FRESH_NS if kept.workload.is_complete else INCOMPLETE_FRESH_NS)
