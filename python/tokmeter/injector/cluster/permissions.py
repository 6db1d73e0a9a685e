"""What the injector may do in a cluster: the least that works. Manifests are written from this, and a test holds to it.

The secret's `create` cannot be limited to a name, because the name is not known before; it is limited to the injector's
own namespace. With certificate files of the user's the last three are not needed.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Permission:
    """One rule of a role."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    scope: Literal["cluster", "own namespace"]
    named: Literal["the secret", "the webhook configuration"] | None = None
    """Limited to this one object."""


PERMISSIONS = (
    Permission("", "namespaces", ("get", "list", "watch"), "cluster"),
    Permission("", "events", ("create",), "cluster"),
    Permission("", "secrets", ("create",), "own namespace"),
    Permission("", "secrets", ("get", "update"), "own namespace", "the secret"),
    Permission(
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        ("get", "patch"),
        "cluster",
        "the webhook configuration",
    ),
)
"""`GET /version` is open to everybody who has an account (`system:public-info-viewer`)."""
