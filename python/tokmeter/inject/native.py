"""Whether the sidecar is an init container that stays (native) or one more container (classic)."""

from tokmeter.inject.outcome import Cluster
from tokmeter.inject.settings import Injection

SINCE = (1, 29)
"""On by default since then; before, a cluster drops `restartPolicy` and the pod waits for the sidecar's end forever."""


def native(injection: Injection, cluster: Cluster) -> bool:
    """Native wherever the cluster has it, unless the settings decide."""
    return injection.native_sidecar == "always" or (injection.native_sidecar == "auto" and cluster.version >= SINCE)
