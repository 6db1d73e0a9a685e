"""Kubernetes pods: the uid in a cgroup path, the names in a log folder, the owner in a pod's name. Reads no file.

The group of a pod, at any depth and behind any prefix that the kubelet was given:

- ``pod<uid>`` with the cgroupfs driver
- ``kubepods-burstable-pod<uid>.slice`` with systemd's, where dashes of the uid are written as underscores

`<uid>` is a UUID, or 32 hexadecimal digits for a static pod. The folder of a pod's logs is
``<namespace>_<name>_<uid>``: names of Kubernetes have no underscores.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tokmeter.resolve.cgroup import segments

_UID = r"[0-9a-f]{32}|[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}"
_GROUP = re.compile(rf"(?:.*-)?pod({_UID})(?:\.slice(?::.*)?)?")
_LOG_FOLDER = re.compile(r"([a-z0-9.-]{1,253})_([a-z0-9.-]{1,253})_([0-9a-f-]{32,36})")
_LOG_LINK = re.compile(r"([a-z0-9.-]{1,253})_([a-z0-9.-]{1,253})_([a-z0-9.-]{1,253})-([0-9a-f]{64})\.log")
_FULL_NAME = re.compile(r"k8s_([a-z0-9.-]+|POD)_([a-z0-9.-]+)_([a-z0-9.-]+)_([0-9a-f-]{32,36})_\d+")

_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]{5}"
"""Kubernetes' random suffix: no vowels, and no digits that look like one."""

_OWNED = (
    re.compile(
        rf"(.+)-[4-9bcdf]{{6,10}}-{_RANDOM}"
    ),  # a Deployment's: the hash of a ReplicaSet has these ten characters
    re.compile(
        rf"(.+)-(?:\d{{8}}|\d{{10}})-{_RANDOM}"
    ),  # a CronJob's: the minute it was due, in older versions the second
    re.compile(rf"(.+)-{_RANDOM}"),  # a DaemonSet's, a Job's or a bare ReplicaSet's
    re.compile(r"(.+)-\d{1,4}"),  # a StatefulSet's
)


@dataclass(frozen=True, slots=True)
class PodNames:
    """A pod and the container in it, as far as they are known."""

    namespace: str | None = None
    pod: str | None = None
    container: str | None = None

    def completed(self, other: PodNames) -> PodNames:
        """These names, and those of `other` where there is none."""
        return PodNames(self.namespace or other.namespace, self.pod or other.pod, self.container or other.container)


def uid(path: str) -> str | None:
    """The uid of the innermost pod that `path` lies in, with dashes."""
    for segment in reversed(segments(path)):
        found = _GROUP.fullmatch(segment)
        if found is not None:
            return found[1].replace("_", "-")
    return None


def of_log_folder(name: str) -> tuple[str, PodNames] | None:
    """Uid and names from a folder of ``/var/log/pods``."""
    found = _LOG_FOLDER.fullmatch(name)
    return None if found is None else (found[3], PodNames(namespace=found[1], pod=found[2]))


def of_log_link(name: str) -> tuple[str, PodNames] | None:
    """Container id and all names from an entry of ``/var/log/containers``: ``<pod>_<namespace>_<container>-<id>.log``."""
    found = _LOG_LINK.fullmatch(name)
    return None if found is None else (found[4], PodNames(namespace=found[2], pod=found[1], container=found[3]))


def of_full_name(name: str) -> PodNames | None:
    """The names in what Docker and CRI-O call a pod's container: ``k8s_<container>_<pod>_<namespace>_<uid>_<attempt>``."""
    found = _FULL_NAME.fullmatch(name)
    # The container that holds the pod together is called POD, which is nobody's name for it.
    return None if found is None else PodNames(found[3], found[2], None if found[1] == "POD" else found[1])


def owner(name: str) -> str:
    """What made the pod called `name`, by the suffixes that controllers give: ``web`` for ``web-7d4b9c8f6d-x2x7k``.

    Read from the name alone, so a name that ends like a suffix by chance loses that end (a bare pod ``web-https`` is
    ``web``), and one cut short by Kubernetes keeps what it has. A static pod keeps its node's name.
    """
    for pattern in _OWNED:
        found = pattern.fullmatch(name)
        if found is not None:
            return found[1]
    return name
