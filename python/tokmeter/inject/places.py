"""Names and paths that are ours in a pod. Everything else that speaks of them takes them from here."""

from typing import Any, Final

SIDECAR: Final = "tokmeter"
REDIRECT: Final = "tokmeter-init"

CA: Final = "/run/tokmeter/ca"
"""The certificate authority: in the sidecar alone."""
TRUST: Final = "/run/tokmeter/trust"
"""What clients must trust; beside the authority, where the proxy writes it."""
STATE: Final = "/var/lib/tokmeter"
"""Ledger and fingerprint key of the sidecar."""

SERVICE_ACCOUNT: Final = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where the API server puts the pod's token into every container that has nothing there."""

CA_VOLUME: Final = "tokmeter-ca"
TRUST_VOLUME: Final = "tokmeter-trust"
STATE_VOLUME: Final = "tokmeter-state"
EMPTY_VOLUME: Final = "tokmeter-no-token"

VOLUMES: tuple[dict[str, Any], ...] = (
    # Memory, so that the key never reaches a disk. Volumes outlive a restart of the container: the authority stays, and
    # what programs read once at their start stays true.
    {"name": CA_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
    # Bundle and Java's store, 0.5 MB, twice while they are replaced.
    {"name": TRUST_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}},
    # No size limit: a pod that exceeds one is evicted, application and all.
    {"name": STATE_VOLUME, "emptyDir": {}},
    # Stays empty: ours ask no API server, so they get no token of the application's.
    {"name": EMPTY_VOLUME, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
)


def volumes(*, trust: bool) -> tuple[dict[str, Any], ...]:
    """The volumes of a pod; with `trust` those that make programs trust the sidecar, too."""
    return tuple(volume for volume in VOLUMES if trust or volume["name"] not in {CA_VOLUME, TRUST_VOLUME})


def mount(volume: str, path: str, *, read_only: bool = False) -> dict[str, Any]:
    """A mount as containers write it."""
    return {"name": volume, "mountPath": path} | ({"readOnly": True} if read_only else {})
