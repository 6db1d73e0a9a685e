"""Injection of the sidecar into pods: a pure function from a pod to a JSON patch, and manifests around it.

`injector` puts together what the other files know, one noun each. Nothing here asks a cluster.
"""

from tokmeter.inject.injector import inject
from tokmeter.inject.outcome import ASKED_FOR_NOTHING, Cluster, Namespace, Outcome, Reason
from tokmeter.inject.patch import apply
from tokmeter.inject.pod import Pod
from tokmeter.inject.settings import Injection, load_injection, parse_injection

__all__ = [
    "ASKED_FOR_NOTHING",
    "Cluster",
    "Injection",
    "Namespace",
    "Outcome",
    "Pod",
    "Reason",
    "apply",
    "inject",
    "load_injection",
    "parse_injection",
]
