"""The names of a placement, asked of the runtimes first and of the kubelet for what they leave open. Keeps nothing."""

from __future__ import annotations

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
        found = lookup(roots, container.id)
        known = PodNames(known.namespace or found.namespace, known.pod or found.pod, known.container or found.container)
        if known.container:
            break
    if placement.pod_uid is None or (known.container and known.pod and known.namespace):
        return known
    for container in placement.containers:
        logged = by_container(roots, container.id)
        if logged is not None:
            return logged
    pod = by_pod(roots, placement.pod_uid)
    # A runtime that names the pod and not the container speaks of the one that holds the pod together.
    guessed = None if known.pod else pod.container
    return PodNames(known.namespace or pod.namespace, known.pod or pod.pod, known.container or guessed)
