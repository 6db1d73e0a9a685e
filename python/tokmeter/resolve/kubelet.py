"""The names of a pod and its containers from what the kubelet keeps on the node. Asks no API server.

- ``/var/log/containers/<pod>_<namespace>_<container>-<id>.log``: everything, by container id
- ``/var/log/pods/<namespace>_<pod>_<uid>/<container>/``: by pod uid
- ``/var/lib/kubelet/pods/<uid>``: ``etc-hosts`` ends in the pod's address and host name, the folder of the API token holds
  ``namespace``, and ``containers`` has a folder for each

The first two are there as soon as a container has logged to its runtime; the last works where logs are not mounted.
"""

from __future__ import annotations

from pathlib import Path

from tokmeter.attribution import clean
from tokmeter.resolve.pod import PodNames, of_log_folder, of_log_link
from tokmeter.resolve.reading import names, read
from tokmeter.resolve.roots import Roots

TOKEN_VOLUMES_MAX = 16
"""Projected volumes of a pod that are looked into for its namespace."""


def by_container(roots: Roots, container_id: str) -> PodNames | None:
    """All names of the container with this id."""
    suffix = f"-{container_id}.log"
    for entry in names(roots.container_logs):
        found = of_log_link(entry) if entry.endswith(suffix) else None
        if found is not None:
            return found[1]
    return None


def by_pod(roots: Roots, uid: str) -> PodNames:
    """Names of the pod with this uid; the container's only when the pod has had no other."""
    logged = _logged(roots, uid)
    if logged is not None:
        return logged
    folder = roots.kubelet / "pods" / uid
    return PodNames(
        namespace=_namespace(folder),
        pod=host_name(read(folder / "etc-hosts") or b""),
        container=_only(names(folder / "containers")),
    )


def host_name(etc_hosts: bytes) -> str | None:
    """The name in the last line that the kubelet wrote, before the aliases of the pod, if any.

    It is the pod's name unless the pod has a host name of its own. The file of a pod on the node's network is a copy of
    the node's, and says so in its first line.
    """
    head, *lines = etc_hosts.decode(errors="replace").splitlines() or [""]
    if head.strip() != "# Kubernetes-managed hosts file.":
        return None
    called = None
    for line in lines:
        if line.startswith("#"):
            break
        words = line.split()
        # The others name loopback and multicast addresses.
        if len(words) >= 2 and not words[0].startswith(("127.", "::1", "fe00::")):
            called = clean(words[-1])
    return called


def _logged(roots: Roots, uid: str) -> PodNames | None:
    for entry in names(roots.pod_logs):
        found = of_log_folder(entry) if entry.endswith(f"_{uid}") else None
        if found is not None:
            known = found[1]
            return PodNames(known.namespace, known.pod, _only(names(roots.pod_logs / entry)))
    return None


def _namespace(folder: Path) -> str | None:
    projected = folder / "volumes/kubernetes.io~projected"
    for volume in names(projected)[:TOKEN_VOLUMES_MAX]:
        # Beside it lies the token, which is not opened.
        found = read(projected / volume / "namespace") if volume.startswith("kube-api-access-") else None
        if found:
            return clean(found.decode(errors="replace"))
    return None


def _only(found: list[str]) -> str | None:
    return clean(found[0]) if len(found) == 1 else None
