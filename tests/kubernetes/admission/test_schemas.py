"""What the webhook makes of a pod is a pod, by the strict schema of every version that it may run on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import kubernetes_validate
import pytest
from tests.kubernetes.admission.injected import api_server, by_label, cluster, injector, pod


@pytest.mark.parametrize("minor", range(28, 38))
def test_an_injected_pod_fits_the_schema(minor: int, tmp_path: Path) -> None:
    endpoints = cluster(str(minor))
    with injector(endpoints, tmp_path) as started, closing(api_server(endpoints, started)) as server:
        admitted = server.create(pod(), "shop").pod

    assert len(admitted["spec"].get("initContainers", ())) + len(admitted["spec"]["containers"]) > 1
    kubernetes_validate.validate(admitted, f"1.{minor}", strict=True)


def test_the_webhooks_of_these_tests_fit_it_too() -> None:
    configuration = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "tokmeter-injector"},
        "webhooks": list(by_label()),
    }

    kubernetes_validate.validate(configuration, "1.34", strict=True)
