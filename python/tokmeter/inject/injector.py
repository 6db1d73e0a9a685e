"""The injector: a pod in, a patch or a reason out. Pure: the same arguments give the same outcome."""

from collections.abc import Mapping, Sequence
from typing import Any

from tokmeter.inject import places
from tokmeter.inject.annotations import STATUS, requested, wishes
from tokmeter.inject.budget import budgets
from tokmeter.inject.configuration import configuration
from tokmeter.inject.environment import Missing, missing, variables
from tokmeter.inject.native import native
from tokmeter.inject.outcome import Cluster, Namespace, Outcome, Reason, RefusedError
from tokmeter.inject.patch import add
from tokmeter.inject.pod import Container, Pod, read
from tokmeter.inject.profile import choose
from tokmeter.inject.redirect import redirect
from tokmeter.inject.refusal import cautions, refuse_clash, refuse_kind, refuse_namespace
from tokmeter.inject.settings import Injection
from tokmeter.inject.sidecar import sidecar
from tokmeter.inject.status import injected_before, status, template_hash
from tokmeter.inject.workload import service

_OURS = frozenset({places.SIDECAR, places.REDIRECT})


def inject(pod: Mapping[str, Any] | Pod, namespace: Namespace, injection: Injection, cluster: Cluster) -> Outcome:
    """What gives `pod` its sidecar. Never raises, whatever `pod` holds.

    It is taken as it is written, or with its types by who has read it from a text so.
    """
    try:
        refuse_namespace(namespace, injection)
        typed = read(pod)
        if (unasked := _unasked(typed, namespace)) is not None:
            return unasked
        refuse_kind(typed)
        return _injected(typed, namespace, injection, native=native(injection, cluster))
    except RefusedError as refused:
        return Outcome(reason=refused.reason, message=refused.message)


def _unasked(pod: Pod, namespace: Namespace) -> Outcome | None:
    asked = requested(pod, namespace)
    if asked is None:
        hint = "label either of them tokmeter.io/inject=enabled"
        return Outcome(
            reason=Reason.NOT_REQUESTED, message=f"neither the namespace nor the pod asks for a sidecar: {hint}"
        )
    return None if asked else Outcome(reason=Reason.DISABLED, message="tokmeter.io/inject=disabled")


def _injected(pod: Pod, namespace: Namespace, injection: Injection, *, native: bool) -> Outcome:
    asked = wishes(pod, namespace, injection)
    profile = choose(asked, namespace, injection)
    text = configuration(
        injection, asked, profile, budgets(asked, injection), pod.spec.termination_grace_period_seconds
    )
    # A base URL is plain HTTP on the loopback interface: there is no certificate to trust.
    trust = profile != "base-url"
    made = sidecar(injection, configuration=text, service=service(pod), trust=trust, native=native)
    first = [redirect(injection, asked)] if profile == "transparent" else []
    wanted = variables(injection, asked, profile)
    volumes = places.volumes(trust=trust)
    name = template_hash([first, made, volumes, wanted])

    before = injected_before(pod, name, [*first, made], len(volumes))
    others = [container for container in pod.containers() if not (before and container.name in _OURS)]
    refuse_clash(pod, injection, others)
    lacking = {
        (kind, i): missing(container, wanted, trust=trust)
        for kind, i, container in _served(pod, native=native)
        if not (before and container.name in _OURS)
    }
    warnings = [*cautions(pod, others, profile), *(warning for found in lacking.values() for warning in found.warnings)]
    early = [container for container in pod.spec.init_containers or () if container.name not in _OURS]
    if early and not native:
        warnings.append(
            "init containers run before a sidecar that is not native: they are not metered"
            + (", and reach none of the captured ports" if first else "")
        )

    patch = [operation for place, found in lacking.items() for operation in _completed(pod, *place, found)]
    if before:
        reason = Reason.INJECTED if patch else Reason.UNCHANGED
        message = "containers that came later were completed" if patch else "it has its sidecar already"
    else:
        patch += _containers(pod, first, made, native=native)
        patch += _volumes(pod, volumes)
        names = [container["name"] for container in (*first, made)]
        patch.append(_annotated(pod, status(name, profile, names, warnings)))
        reason, message = Reason.INJECTED, f"the sidecar was added, profile {profile}"
    return Outcome(reason=reason, message=message, patch=patch, profile=profile, warnings=tuple(warnings))


def _served(pod: Pod, *, native: bool) -> list[tuple[str, int, Container]]:
    """The containers that find a running sidecar when they start, with where they are."""
    init = enumerate(pod.spec.init_containers or ()) if native else ()
    return [
        *(("initContainers", i, container) for i, container in init),
        *(("containers", i, container) for i, container in enumerate(pod.spec.containers)),
    ]


def _completed(pod: Pod, kind: str, i: int, found: Missing) -> list[dict[str, Any]]:
    """What one container lacks, at the end of what it has."""
    container = ((pod.spec.init_containers or []) if kind == "initContainers" else pod.spec.containers)[i]
    place = ("spec", kind, i)
    patch: list[dict[str, Any]] = []
    if found.variables and container.env is None:
        patch.append(add((*place, "env"), found.variables))
    else:
        patch += [add((*place, "env", "-"), variable) for variable in found.variables]
    if found.mount is not None:
        mounted = container.volume_mounts is not None
        patch.append(
            add((*place, "volumeMounts", "-"), found.mount) if mounted else add((*place, "volumeMounts"), [found.mount])
        )
    return patch


def _containers(pod: Pod, first: list[dict[str, Any]], made: dict[str, Any], *, native: bool) -> list[dict[str, Any]]:
    """Ours before everything else: what starts later finds the redirect, the proxy and the trust files."""
    init = [*first, made] if native else first
    patch: list[dict[str, Any]] = []
    if init and pod.spec.init_containers is None:
        patch.append(add(("spec", "initContainers"), init))
    else:
        patch += [add(("spec", "initContainers", i), container) for i, container in enumerate(init)]
    if not native:
        patch.append(add(("spec", "containers", 0), made))
    return patch


def _volumes(pod: Pod, volumes: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    if pod.spec.volumes is None:
        return [add(("spec", "volumes"), list(volumes))]
    return [add(("spec", "volumes", "-"), volume) for volume in volumes]


def _annotated(pod: Pod, text: str) -> dict[str, Any]:
    if pod.metadata is None:
        return add(("metadata",), {"annotations": {STATUS: text}})
    if pod.metadata.annotations is None:
        return add(("metadata", "annotations"), {STATUS: text})
    return add(("metadata", "annotations", STATUS), text)
