"""The sidecar's container. Knows no application.

There is no liveness probe. The process ends when it breaks and is started again; what a probe could reach is the metrics
server, which answers from threads of its own whatever the proxy does, and a restart for its sake would cut every stream.
There is no readiness probe: a sidecar that is started is ready, and must not take its application out of service.
There is no preStop hook: a native sidecar is told to stop once the application has ended, and drains then.
"""

from typing import Any

from tokmeter.config.load import TEXT_VARIABLE
from tokmeter.inject import places
from tokmeter.inject.settings import Injection, QuantitiesConfig

PROBE_S = 120
"""Seconds that the sidecar may take to start, on a node that is busy starting everything."""

METRICS_PORT = "tokmeter"
"""Name of the port that a PodMonitor scrapes."""

_IDENTITY = {
    "POD_NAME": "metadata.name",
    "POD_NAMESPACE": "metadata.namespace",
    "POD_UID": "metadata.uid",
    "NODE_NAME": "spec.nodeName",
}

_TRUSTED = (places.mount(places.CA_VOLUME, places.CA), places.mount(places.TRUST_VOLUME, places.TRUST))


def sidecar(
    injection: Injection, *, configuration: str, service: str | None, trust: bool, native: bool
) -> dict[str, Any]:
    """The container; `service` is what it speaks for, by default the pod. With `trust` it has an authority of its own."""
    made: dict[str, Any] = {
        "name": places.SIDECAR,
        "image": injection.image,
        "imagePullPolicy": injection.image_pull_policy,
        "command": ["tokmeter", "proxy"],
        "env": _environment(configuration, service),
        "ports": [{"name": METRICS_PORT, "containerPort": injection.metrics_port, "protocol": "TCP"}],
        "startupProbe": {
            "httpGet": {"path": "/readyz", "port": injection.metrics_port},
            "periodSeconds": 1,
            "timeoutSeconds": 1,
            "failureThreshold": PROBE_S,
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": resources(injection),
        "securityContext": {
            **hardened(),
            "runAsUser": injection.uid,
            "runAsGroup": injection.uid,
            "runAsNonRoot": True,
        },
        "volumeMounts": [
            *(_TRUSTED if trust else ()),
            places.mount(places.STATE_VOLUME, places.STATE),
            places.mount(places.EMPTY_VOLUME, places.SERVICE_ACCOUNT, read_only=True),
        ],
    }
    if native:
        made["restartPolicy"] = "Always"
    else:
        # Containers start in order, and each waits for the hook of the one before: the trust files are there first.
        made["lifecycle"] = {"postStart": {"exec": {"command": ["tokmeter", "proxy", "--await", str(PROBE_S)]}}}
    return made


def hardened() -> dict[str, Any]:
    """What Pod Security `restricted` asks of every container."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def resources(injection: Injection) -> dict[str, Any]:
    """Requests and limits, as far as there are any."""
    wanted = {"requests": injection.resources.requests, "limits": injection.resources.limits}
    amounts = {kind: _amounts(quantities) for kind, quantities in wanted.items()}
    return {kind: given for kind, given in amounts.items() if given}


def literal(text: str) -> str:
    """`text` as the value of a variable: Kubernetes reads `$(NAME)` in one, and `$$` as a dollar sign."""
    return text.replace("$", "$$")


def _amounts(quantities: QuantitiesConfig) -> dict[str, str]:
    given = {"cpu": quantities.cpu, "memory": quantities.memory}
    return {name: amount for name, amount in given.items() if amount is not None}


def _environment(configuration: str, service: str | None) -> list[dict[str, Any]]:
    named = {"value": literal(service)} if service else {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    state = places.STATE.rpartition("/")[0]
    return [
        # In the environment and not in an annotation: annotations of a pod may be changed while it runs, by whoever may
        # change the pod, and the sidecar would read another budget after its next restart. A container's environment
        # is fixed for the life of its pod.
        {"name": TEXT_VARIABLE, "value": literal(configuration)},
        {"name": "TOKMETER_SERVICE", **named},
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in _IDENTITY.items()),
        # The only places that may be written to.
        {"name": "XDG_STATE_HOME", "value": state},
        {"name": "HOME", "value": places.STATE},
        {"name": "TMPDIR", "value": places.STATE},
    ]
