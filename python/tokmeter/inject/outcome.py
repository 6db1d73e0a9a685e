"""What became of one pod: the patch, or the reason why there is none. Knows no rule."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Reason(StrEnum):
    """Stable words: metrics, events and reports carry them."""

    INJECTED = "injected"
    UNCHANGED = "unchanged"
    """Injected before, by the same settings; nothing is missing."""
    NOT_REQUESTED = "not_requested"
    """Neither the namespace nor the pod is labelled."""
    DISABLED = "disabled"
    EXCLUDED_NAMESPACE = "excluded_namespace"
    HOST_NETWORK = "host_network"
    UID_CLASH = "uid_clash"
    PORT_CLASH = "port_clash"
    NAME_TAKEN = "name_taken"
    """A container, volume or mount of that name or place that is not ours."""
    MIRROR_POD = "mirror_pod"
    WINDOWS = "windows"
    INJECTED_OTHERWISE = "injected_otherwise"
    """Injected before, by other settings or another version."""
    INVALID_ANNOTATION = "invalid_annotation"
    BUDGET_NOT_ALLOWED = "budget_not_allowed"
    WEAKER_THAN_NAMESPACE = "weaker_than_namespace"
    PROFILE_NOT_ADMITTED = "profile_not_admitted"
    """Pod Security of the namespace forbids it."""
    MALFORMED = "malformed"


ASKED_FOR_NOTHING = frozenset({Reason.INJECTED, Reason.UNCHANGED, Reason.NOT_REQUESTED, Reason.DISABLED})
"""Reasons that surprise nobody. For every other one somebody wanted a sidecar and has none: say so."""


@dataclass(frozen=True, slots=True)
class Namespace:
    """Where the pod is to run, as far as is known."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the cluster can do."""

    version: tuple[int, int]
    """Major and minor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What to do with a pod, and why."""

    reason: Reason
    message: str
    """One sentence, with a hint where there is something to do."""
    patch: list[dict[str, Any]] = field(default_factory=list)
    """Operations of RFC 6902, all of them `add`."""
    profile: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def injected(self) -> bool:
        """Whether the pod has the sidecar once the patch is applied."""
        return self.reason in {Reason.INJECTED, Reason.UNCHANGED}


class RefusedError(Exception):
    """The pod is left as it is."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keeps both for the outcome."""
        super().__init__(message)
        self.reason = reason
        self.message = message
