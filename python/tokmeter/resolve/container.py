"""Which containers a cgroup path lies in: their ids and what made them. Knows no names and reads no file.

What runtimes call the group of a container, ``<id>`` being 64 hexadecimal digits:

- ``docker-<id>.scope``, ``libpod-<id>.scope``, ``crio-<id>.scope``, ``cri-containerd-<id>.scope``, ``nerdctl-<id>.scope``
  with systemd's driver, of the system or of a user (rootless)
- ``<slice>:cri-containerd:<id>`` where the kubelet uses systemd's driver and the runtime does not
- ``/docker/<id>``, ``/kubepods/.../pod<uid>/<id>``, ``/k8s.io/<id>``, ``libpod-<id>``, ``crio-<id>`` with the cgroupfs driver

Below it there may be more: ``/container`` by crun, and whole trees where containers run in a container. ``conmon`` and
the groups of Podman's pods are not containers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokmeter.resolve.cgroup import segments

SHORT = 12
"""Digits of an id that people know a container by."""

RUNTIMES = {
    "docker": "docker",
    "cri-containerd": "containerd",
    "nerdctl": "containerd",
    "crio": "cri-o",
    "libpod": "podman",
}
"""The runtime for each prefix of a group's name."""

PARENTS = {"docker": "docker", "k8s.io": "containerd", "default": "containerd"}
"""The runtime for each group that bare ids are found in; in a pod's group they may be anybody's."""

_PREFIXES = "|".join(RUNTIMES)
_NAMED = re.compile(rf"(?:.+:)?({_PREFIXES})[-:]([0-9a-f]{{64}})(?:\.scope)?")
_BARE = re.compile(r"[0-9a-f]{64}")
_POD_OF_PODMAN = "libpod_parent"


@dataclass(frozen=True, slots=True)
class Container:
    """One container; `runtime` is None where the path does not tell."""

    id: str
    runtime: str | None

    @property
    def short(self) -> str:
        """The id as people write it."""
        return self.id[:SHORT]


def containers(path: str) -> tuple[Container, ...]:
    """The containers that `path` lies in, innermost first."""
    found: list[Container] = []
    parent = ""
    for segment in segments(path):
        container = of_segment(segment, parent)
        if container is not None:
            found.append(container)
        parent = segment
    return tuple(reversed(found))


def of_segment(segment: str, parent: str = "") -> Container | None:
    """The container whose own group is called `segment`, in a group called `parent`."""
    named = _NAMED.fullmatch(segment)
    if named is not None:
        return Container(id=named[2], runtime=RUNTIMES[named[1]])
    if _BARE.fullmatch(segment) and parent != _POD_OF_PODMAN:
        return Container(id=segment, runtime=PARENTS.get(parent))
    return None
