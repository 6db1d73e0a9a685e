"""The injector: a pod in, a patch or a reason out. Pure: the same arguments give the same outcome."""

from collections.abc import Mapping
from typing import Any

from tokmeter.inject.outcome import Cluster, Namespace, Outcome, Reason, RefusedError
from tokmeter.inject.settings import Injection


def inject(pod: Mapping[str, Any], namespace: Namespace, injection: Injection, cluster: Cluster) -> Outcome:
    """What gives `pod` its sidecar. Never raises, whatever `pod` holds."""
    try:
        return _outcome(pod, namespace, injection, cluster)
    except RefusedError as refused:
        return Outcome(reason=refused.reason, message=refused.message)


def _outcome(pod: Mapping[str, Any], namespace: Namespace, injection: Injection, cluster: Cluster) -> Outcome:
    del pod, namespace, injection, cluster
    return Outcome(reason=Reason.NOT_REQUESTED, message="neither the namespace nor the pod asks for a sidecar")
