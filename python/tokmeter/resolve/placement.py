"""Where a process was placed: the group that says most, the containers around it, its pod and its unit. Pure.

On a hybrid host the hierarchies disagree: v1 has the container, v2 the service that started it. A path with a container
wins over one without, whatever its hierarchy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokmeter.resolve.container import Container, containers
from tokmeter.resolve.pod import uid
from tokmeter.resolve.unit import Unit, find


@dataclass(frozen=True, slots=True)
class Placement:
    """`containers` are innermost first; `cgroup` is None when nothing is known."""

    cgroup: str | None = None
    containers: tuple[Container, ...] = ()
    pod_uid: str | None = None
    unit: Unit | None = None


def place(paths: Sequence[str]) -> Placement:
    """The placement that `paths` (those of `cgroup.paths`, best first) tell of."""
    around = {path: containers(path) for path in paths}
    # The first of the deepest: max keeps the order of equals.
    held = max(paths, key=lambda path: len(around[path]), default=None)
    if held is not None and around[held]:
        pod = next(filter(None, (uid(path) for path in (held, *paths))), None)
        return Placement(held, around[held], pod, find(held))
    unit = next(filter(None, map(find, paths)), None)
    pod = next(filter(None, map(uid, paths)), None)
    return Placement(paths[0] if paths else None, (), pod, unit)
