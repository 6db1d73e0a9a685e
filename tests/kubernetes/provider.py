"""The provider simulator in the cluster, under the providers' own names."""

from collections.abc import Mapping
from typing import Any

from tests.kubernetes import images
from tests.kubernetes.material import CERTIFICATE, ELSEWHERE, HOSTS
from tests.kubernetes.node import Node

SERVICE_IP = "10.96.0.80"


class Provider:
    """The simulator as a Service with a fixed address, port 443."""

    aliases: tuple[Mapping[str, Any], ...] = ({"ip": SERVICE_IP, "hostnames": [*HOSTS, ELSEWHERE]},)
    """`hostAliases` for pods that ask it."""

    def __init__(self, node: Node) -> None:
        """On this node."""
        self._node = node

    def start(self) -> None:
        """Until it answers."""
        labels = {"app": "provider"}
        words = ("-m", "tokmeter.testing.simulator", "--host", "0.0.0.0", "--port", "8443", "--tls")
        container = {
            "name": "simulator",
            "image": images.TOKMETER,
            "command": ["/usr/local/bin/python3", *words, "--certificate", CERTIFICATE],
            "readinessProbe": {"tcpSocket": {"port": 8443}, "periodSeconds": 1},
            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
        }
        spec = {
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
            "terminationGracePeriodSeconds": 1,
        }
        self._node.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "provider"}},
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "provider", "namespace": "provider", "labels": labels},
                "spec": spec,
            },
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "provider", "namespace": "provider"},
                "spec": {"clusterIP": SERVICE_IP, "selector": labels, "ports": [{"port": 443, "targetPort": 8443}]},
            },
        )
        self._node.kubectl(
            "-n", "provider", "wait", "--for=condition=Ready", "pod/provider", "--timeout=60s", timeout=70
        )
