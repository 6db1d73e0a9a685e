"""What container runtimes write down about a container: its name, and its pod's. Knows the files' shapes and places.

- containerd: ``/run/containerd/io.containerd.runtime.v2.task/<namespace>/<id>/config.json``, ``annotations``; K3s below
  ``/run/k3s``
- CRI-O: ``/run/containers/storage/overlay-containers/<id>/userdata/config.json``, ``annotations``
- Docker: ``/var/lib/docker/containers/<id>/config.v2.json``, ``Name`` and ``Config.Labels``
- Podman: ``overlay-containers/containers.json`` of its storage, ``volatile-containers.json`` for those run with ``--rm``

These files hold environments too. The decoder is told which members to take, and skips the rest without making values
of it. Runtime sockets are not asked: each speaks a protocol that would need a client, and their files say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from tokmeter.attribution import clean
from tokmeter.resolve.pod import PodNames, of_full_name
from tokmeter.resolve.reading import LIST_BYTES_MAX, read
from tokmeter.resolve.roots import Roots

CONTAINER_KEYS = ("io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name")
POD_KEYS = ("io.kubernetes.cri.sandbox-name", "io.kubernetes.cri-o.KubeName", "io.kubernetes.pod.name")
NAMESPACE_KEYS = ("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.cri-o.Namespace", "io.kubernetes.pod.namespace")
"""Annotations and labels that name the three, of containerd, CRI-O, the kubelet and nerdctl."""

_TASKS = ("containerd", "k3s/containerd")
_NAMESPACES = ("k8s.io", "default")
_NOBODY = PodNames()


class _Spec(msgspec.Struct):
    annotations: dict[str, str] | None = None


class _Labels(msgspec.Struct):
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)


class _Docker(msgspec.Struct):
    name: str | None = msgspec.field(name="Name", default=None)
    config: _Labels | None = msgspec.field(name="Config", default=None)


class _Stored(msgspec.Struct):
    id: str
    names: list[str] | None = None


def lookup(roots: Roots, container_id: str) -> PodNames:
    """The names of the container with this id (64 hexadecimal digits), from the first runtime that knows it."""
    for path in _spec_paths(roots, container_id):
        found = of_spec(read(path, LIST_BYTES_MAX) or b"")
        if found != _NOBODY:
            return found
    found = of_docker(read(roots.docker / "containers" / container_id / "config.v2.json", LIST_BYTES_MAX) or b"")
    if found != _NOBODY:
        return found
    for path in _store_paths(roots):
        found = of_store(read(path, LIST_BYTES_MAX) or b"", container_id)
        if found != _NOBODY:
            return found
    return _NOBODY


def of_spec(data: bytes) -> PodNames:
    """From the ``config.json`` of an OCI bundle."""
    try:
        spec = msgspec.json.decode(data, type=_Spec)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _NOBODY
    return of_labels(spec.annotations or {})


def of_docker(data: bytes) -> PodNames:
    """From Docker's ``config.v2.json``: Kubernetes' labels where there are any, else the name, which begins with a slash."""
    try:
        stored = msgspec.json.decode(data, type=_Docker)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _NOBODY
    labels = (stored.config.labels if stored.config else None) or {}
    full = of_full_name((stored.name or "").lstrip("/"))
    if full is not None:
        return full
    found = of_labels(labels)
    return found if found.container else PodNames(found.namespace, found.pod, clean((stored.name or "").lstrip("/")))


def of_store(data: bytes, container_id: str) -> PodNames:
    """From the list that Podman and CRI-O keep of their containers."""
    try:
        stored = msgspec.json.decode(data, type=list[_Stored])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _NOBODY
    name = next((each.names[0] for each in stored if each.id == container_id and each.names), "")
    return of_full_name(name) or PodNames(container=clean(name))


def of_labels(labels: Mapping[str, str]) -> PodNames:
    """From annotations or labels, whoever wrote them."""
    return PodNames(
        namespace=_first(labels, NAMESPACE_KEYS),
        pod=_first(labels, POD_KEYS),
        container=_first(labels, CONTAINER_KEYS),
    )


def _first(labels: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    return next(filter(None, (clean(labels[key]) for key in keys if key in labels)), None)


def _spec_paths(roots: Roots, container_id: str) -> Iterator[Path]:
    for task in _TASKS:
        for namespace in _NAMESPACES:
            yield roots.run / task / "io.containerd.runtime.v2.task" / namespace / container_id / "config.json"
    yield roots.run / "containers/storage/overlay-containers" / container_id / "userdata/config.json"


def _store_paths(roots: Roots) -> Iterator[Path]:
    for folder in (roots.storage / "overlay-containers", roots.run / "containers/storage/overlay-containers"):
        yield folder / "containers.json"
        yield folder / "volatile-containers.json"
