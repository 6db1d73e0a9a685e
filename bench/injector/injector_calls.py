"""The reviews, what must be answered, and one caller: a process with one kept connection, as an API server has several."""

import base64
import json
import socket
import ssl
from collections.abc import Callable
from functools import cache
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from time import perf_counter
from typing import Any

from tests.kubernetes.admission.api_server import review
from tests.kubernetes.admission.injected import ENABLED, INJECTION, PLACE, pod

from tokmeter.inject import Cluster, Namespace, inject, parse_injection

WARM_UP = 5


def usual() -> dict[str, Any]:
    """Two containers, a dozen variables, volumes, probes."""
    containers = [
        {
            "name": name,
            "image": f"registry.example/{name}:1",
            "env": [{"name": f"VARIABLE_{i}", "value": f"value {i}"} for i in range(6)],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
        }
        for name in ("app", "helper")
    ]
    return pod(containers=containers, volumes=[{"name": "data", "emptyDir": {}}])


def long_annotation() -> dict[str, Any]:
    """A megabyte in one annotation, with quotes, as of a configuration in JSON."""
    made = usual()
    made["metadata"]["annotations"] = {"example.com/configuration": json.dumps({"key": "value " * 8}) * 16_000}
    return made


def many_variables() -> dict[str, Any]:
    """A megabyte of variables: what takes an injector the longest, because it looks at each."""
    made = usual()
    made["spec"]["containers"][0]["env"] = [
        {"name": f"VARIABLE_{i}", "value": f"value of number {i} " * 3} for i in range(9_500)
    ]
    return made


_PODS: dict[str, Callable[[], dict[str, Any]]] = {
    "usual pod": usual,
    "1 MB, one annotation": long_annotation,
    "1 MB, 9500 variables": many_variables,
}
BODIES = {kind: json.dumps(review(make(), "shop")).encode() for kind, make in _PODS.items()}


@cache
def expected(kind: str) -> str:
    """The patch, as the injector makes it in this process."""
    injection = parse_injection(INJECTION, "injection.yaml")
    made = inject(_PODS[kind](), Namespace("shop", ENABLED), injection, Cluster((1, 34)))
    if not made.injected:
        raise RuntimeError(made.message)
    return json.dumps(made.patch, sort_keys=True)


def call(kind: str, reviews: int, port: int, bundle: str, gate: Barrier, found: Connection) -> None:
    """Sends one review after the other; milliseconds from the first byte sent to the last received."""
    body = BODIES[kind]
    context = ssl.create_default_context(cadata=bundle)
    connection = HTTPConnection(PLACE.host)
    plain = socket.create_connection(("127.0.0.1", port))
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sock = context.wrap_socket(plain, server_hostname=PLACE.host)
    took = []
    answer = b""
    for i in range(WARM_UP + reviews):
        if i == WARM_UP:
            gate.wait()
        began = perf_counter()
        connection.request("POST", "/mutate", body, {"Content-Type": "application/json"})
        answer = connection.getresponse().read()
        took.append(round(1000 * (perf_counter() - began), 1))
    response = json.loads(answer)["response"]
    patch = json.loads(base64.b64decode(response["patch"]))
    if json.dumps(patch, sort_keys=True) != expected(kind):
        raise RuntimeError("another patch than computed here")
    found.send(took[WARM_UP:])
    connection.close()
