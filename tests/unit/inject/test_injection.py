"""Whole manifests: every kind of workload, Lists, namespaces that speak for themselves."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.unit.inject.pods import NEW, container, settings
from tokmeter.inject.injection import inject_manifest
from tokmeter.inject.manifest import Manifest
from tokmeter.inject.report import Entry

PLACES: dict[str, tuple[str, tuple[str, ...]]] = {
    "Pod": ("v1", ()),
    "PodTemplate": ("v1", ("template",)),
    "ReplicationController": ("v1", ("spec", "template")),
    "DaemonSet": ("apps/v1", ("spec", "template")),
    "Deployment": ("apps/v1", ("spec", "template")),
    "ReplicaSet": ("apps/v1", ("spec", "template")),
    "StatefulSet": ("apps/v1", ("spec", "template")),
    "CronJob": ("batch/v1", ("spec", "jobTemplate", "spec", "template")),
    "Job": ("batch/v1", ("spec", "template")),
}


def workload(kind: str, **template: Any) -> dict[str, Any]:
    version, place = PLACES[kind]
    inner: dict[str, Any] = {"spec": {"containers": [container()]}} | template
    for part in reversed(place):
        inner = {part: inner}
    metadata = {"name": "checkout"} | inner.pop("metadata", {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **inner}


def run(*documents: dict[str, Any]) -> tuple[list[dict[str, Any]], list[Entry]]:
    manifest = Manifest(yaml.safe_dump_all(documents, sort_keys=False), "m")
    entries = inject_manifest(manifest, "default", settings(), NEW)
    return list(yaml.safe_load_all(manifest.text())), entries


def spec_of(document: dict[str, Any]) -> dict[str, Any]:
    found = document
    for part in PLACES[document["kind"]][1]:
        found = found[part]
    spec: dict[str, Any] = found["spec"]
    return spec


@pytest.mark.parametrize("kind", PLACES)
def test_every_kind_of_workload(kind: str) -> None:
    (found,), (entry,) = run(workload(kind))

    init = spec_of(found)["initContainers"]
    assert [c["name"] for c in init] == ["tokmeter-init", "tokmeter"]
    (service,) = [v["value"] for v in init[1]["env"] if v["name"] == "TOKMETER_SERVICE"]
    assert service == "checkout"
    assert entry.lines()[0] == f"{kind.lower()}/checkout: injected: the sidecar was added, profile transparent"
    # Once more changes nothing.
    again, (second,) = run(found)
    assert again == [found]
    assert second.outcome.reason == "unchanged"


def test_templates_without_metadata_and_with_empty_metadata() -> None:
    found, _ = run(
        workload("Job", metadata=None), workload("Job", metadata={"annotations": None, "labels": {"a": "b"}})
    )

    for document in found:
        assert "tokmeter.io/status" in document["spec"]["template"]["metadata"]["annotations"]


def test_items_of_a_list_and_what_is_no_workload() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "1"}}
    custom = {"apiVersion": "example.com/v1", "kind": "Deployment", "spec": {"template": {"spec": {"containers": []}}}}
    (listed, passed), entries = run({"apiVersion": "v1", "kind": "List", "items": [config, workload("Pod")]}, custom)

    assert listed["items"][0] == config
    assert len(spec_of(listed["items"][1])["initContainers"]) == 2
    assert passed == custom
    assert [entry.template.kind for entry in entries] == ["Pod"]


def test_a_namespace_of_the_manifest_speaks_for_itself() -> None:
    described = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, **more}}
        for name, more in (
            ("strict", {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}),
            ("out", {"labels": {"tokmeter.io/inject": "disabled"}}),
            ("rich", {"annotations": {"tokmeter.io/budgets": "rich"}}),
        )
    ]
    pods = [workload("Deployment") for _ in range(4)]
    for one, name in zip(pods, ("strict", "out", "rich", "other"), strict=True):
        one["metadata"]["namespace"] = name

    found, entries = run(*pods, *described)

    assert [(e.namespace, str(e.outcome.reason), e.outcome.profile) for e in entries] == [
        ("strict", "injected", "proxy-env"),
        ("out", "disabled", None),
        ("rich", "injected", "transparent"),
        ("other", "injected", "transparent"),
    ]
    assert found[1] == pods[1]
    assert "name: rich" in spec_of(found[2])["initContainers"][1]["env"][0]["value"]


def test_what_is_refused_passes_as_it_is_and_is_told() -> None:
    written = workload("Deployment", spec={"hostNetwork": True, "containers": [container()]})
    found, (entry,) = run(written, {"kind": "Pod", "apiVersion": "v1"})[0], run(written)[1]

    assert found[0] == written
    assert entry.refused
    assert entry.values()["reason"] == "host_network"
    assert (entry.values()["injected"], entry.values()["namespace"]) == (False, "default")
