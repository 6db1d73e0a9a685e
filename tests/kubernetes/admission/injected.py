"""The injector in this process, before a cluster of endpoints, and the webhooks through which it is called."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from tests.kubernetes.admission.api_server import ApiServer
from tests.kubernetes.admission.endpoints import PATIENCE_S, Endpoints, kubeconfig

from tokmeter.clock import now_ns
from tokmeter.inject import parse_injection
from tokmeter.injector import Place, Running, Settings, running
from tokmeter.injector.cluster.client import connect

SERVICE, OWN, CONFIGURATION, SECRET = (
    "tokmeter-injector",
    "tokmeter-system",
    "tokmeter-injector",
    "tokmeter-injector-ca",
)
PLACE = Place(service=SERVICE, namespace=OWN, webhook_configuration=CONFIGURATION, secret=SECRET)
INJECTION = """\
image: registry.example/tokmeter:1.0
budgets:
  - {name: small, limit: {usd: 1}, window: {period: day}}
  - {name: large, limit: {usd: 100}, window: {period: day}}
default_budgets: [small]
"""
ENABLED = {"tokmeter.io/inject": "enabled"}


def webhook(name: str, *, failure: str = "Ignore", timeout_s: float = 10, **selectors: object) -> dict[str, Any]:
    """One entry of a MutatingWebhookConfiguration, without a bundle."""
    return {
        "name": name,
        "clientConfig": {"service": {"name": SERVICE, "namespace": OWN, "path": "/mutate", "port": 443}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
        "failurePolicy": failure,
        "timeoutSeconds": timeout_s,
        "reinvocationPolicy": "IfNeeded",
        "sideEffects": "NoneOnDryRun",
        "admissionReviewVersions": ["v1"],
        **selectors,
    }


def by_label() -> tuple[dict[str, Any], dict[str, Any]]:
    """The two ways to ask for a sidecar, without a pod that matches both."""
    asked = {"key": "tokmeter.io/inject", "operator": "In", "values": ["enabled"]}
    not_asked = {"key": "tokmeter.io/inject", "operator": "NotIn", "values": ["enabled"]}
    not_refused = {"key": "tokmeter.io/inject", "operator": "NotIn", "values": ["disabled"]}
    return (
        webhook(
            "namespace.injector.tokmeter.io",
            namespaceSelector={"matchExpressions": [asked]},
            objectSelector={"matchExpressions": [not_refused]},
        ),
        webhook(
            "pod.injector.tokmeter.io",
            namespaceSelector={"matchExpressions": [not_asked]},
            objectSelector={"matchExpressions": [asked]},
        ),
    )


def cluster(minor: str = "34") -> Endpoints:
    """A cluster in which the injector is installed."""
    made = Endpoints(minor)
    made.namespace(OWN)
    made.namespace("shop", ENABLED)
    made.namespace("plain")
    made.webhook(CONFIGURATION, *by_label())
    return made


@contextmanager
def injector(
    made: Endpoints,
    folder: Path,
    *,
    clock: Callable[[], int] = now_ns,
    certificate_files: tuple[Path, Path] | None = None,
) -> Iterator[Running]:
    """A ready injector before `made`."""
    settings = Settings(
        injection=parse_injection(INJECTION, "injection.yaml"),
        place=PLACE,
        listen=("127.0.0.1", 0),
        metrics=("127.0.0.1", 0),
        certificate_files=certificate_files,
    )
    with made.serving() as address:
        api = connect(kubeconfig(address, folder / "kubeconfig"))
        with running(settings, api, clock) as started:
            until_ready(started)
            yield started


def until_ready(started: Running) -> None:
    """Until it may be called."""
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.01)):
        if started.ready() is None:
            return
        pause.wait(0.01)
    raise AssertionError(started.ready())


def api_server(made: Endpoints, started: Running) -> ApiServer:
    """An API server that reaches the injector by its Service."""
    return ApiServer(made, {(OWN, SERVICE): started.listen})


POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "generateName": "web-5d4f8c7b9-",
        "labels": {"app": "web", "pod-template-hash": "5d4f8c7b9"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web-5d4f8c7b9",
                "uid": "8f1c7f4e-0000-4000-8000-000000000001",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    },
    "spec": {
        "containers": [{"name": "app", "image": "registry.example/app:1", "env": [{"name": "A", "value": "1"}]}],
        "restartPolicy": "Always",
        "serviceAccountName": "default",
    },
}


def pod(**spec: object) -> dict[str, Any]:
    """A pod of a Deployment."""
    made = deepcopy(POD)
    made["spec"].update(spec)
    return made
