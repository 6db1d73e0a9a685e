"""The examples for Kubernetes: valid, injected by the settings beside them, and true to what the injector does."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tokmeter.inject import Cluster, load_injection
from tokmeter.inject.injection import inject_manifest
from tokmeter.inject.manifest import Manifest

EXAMPLES = Path(__file__).resolve().parents[3] / "deploy/kubernetes/examples"
WORKLOADS = ("cron-job.yaml", "deployment.yaml", "job.yaml", "stateful-set.yaml")
POLICIES = "network-policies.yaml"
VERSIONS = ("1.30", "1.34", "1.37")
INJECTION = load_injection(EXAMPLES / "injection.yaml")


def injected(workload: str) -> Manifest:
    """A workload in its namespace, with its sidecar."""
    text = "".join((EXAMPLES / name).read_text(encoding="utf-8") for name in ("namespace.yaml", workload))
    manifest = Manifest(text, workload)
    (entry,) = inject_manifest(manifest, "default", INJECTION, Cluster((1, 34)))
    assert not entry.refused, entry.lines()
    assert entry.values()["warnings"] == []
    return Manifest(manifest.text(), workload)


def policies() -> dict[str, Any]:
    """The specifications of the network policies, by name."""
    objects = yaml.safe_load_all((EXAMPLES / POLICIES).read_text(encoding="utf-8"))
    return {policy["metadata"]["name"]: policy["spec"] for policy in objects}


def test_nothing_is_left_out() -> None:
    listed = {"namespace.yaml", "injection.yaml", POLICIES, *WORKLOADS}

    assert {file.name for file in EXAMPLES.glob("*.yaml")} == listed
    readme = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert [name for name in listed if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("workload", WORKLOADS)
def test_each_workload_is_valid_with_its_sidecar(workload: str, version: str) -> None:
    for document in injected(workload).documents:
        kubernetes_validate.validate(document, version, strict=True)
        if document["kind"] != "Namespace":
            assert f"containerPort': {INJECTION.metrics_port}" in str(document)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_policies_are_valid(version: str) -> None:
    for policy in yaml.safe_load_all((EXAMPLES / POLICIES).read_text(encoding="utf-8")):
        kubernetes_validate.validate(policy, version, strict=True)


def test_the_policies_leave_no_way_but_the_captured_port() -> None:
    egress = policies()["only-what-is-metered"]["egress"]
    (beyond,) = (rule for rule in egress if any("0.0.0.0/0" in str(peer) for peer in rule["to"]))

    assert beyond["ports"] == [{"protocol": "TCP", "port": port} for port in INJECTION.ports]
    assert {peer["ipBlock"]["cidr"] for peer in beyond["to"]} == {"0.0.0.0/0", "::/0"}


def test_metrics_are_for_who_may_read_them() -> None:
    (scrape, application) = policies()["who-reads-metrics"]["ingress"]

    assert scrape["ports"] == [{"protocol": "TCP", "port": INJECTION.metrics_port}]
    assert "from" in scrape
    assert INJECTION.metrics_port not in [port["port"] for port in application["ports"]]
