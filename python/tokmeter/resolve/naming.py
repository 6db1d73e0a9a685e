"""The names of a placement, asked of the runtimes first and of the kubelet for what they leave open. Keeps nothing."""

from __future__ import annotations

from dataclasses import replace

from tokmeter.resolve.kubelet import by_container, by_pod
from tokmeter.resolve.placement import Placement
from tokmeter.resolve.pod import PodNames
from tokmeter.resolve.roots import Roots
from tokmeter.resolve.runtime_state import lookup


def names_of(roots: Roots, placement: Placement) -> PodNames:
    """The names of the innermost container that has any, and of the pod.

    A container inside a container is known to the runtime inside, whose files the host does not see: it is then called
    by the name of the outer one.
    """
    known = PodNames()
    for container in placement.containers:
        known = known.completed(lookup(roots, container.id))
    if placement.pod_uid is None or (known.container and known.pod and known.namespace):
        return known
    logged = next(filter(None, (by_container(roots, container.id) for container in placement.containers)), None)
    if logged is not None:
        return known.completed(logged)
    pod = by_pod(roots, placement.pod_uid)
    # A runtime that names the pod and not the container speaks of the one that holds the pod together.
    return known.completed(replace(pod, container=None) if known.pod else pod)
