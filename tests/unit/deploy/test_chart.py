"""The chart renders, what it renders is valid for the versions of Kubernetes it says, and the plain manifests are the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tokmeter.inject import parse_injection
from tokmeter.inject.sidecar import METRICS_PORT
from tokmeter.injector.cluster.permissions import PERMISSIONS

REPOSITORY = Path(__file__).resolve().parents[3]
CHART = REPOSITORY / "deploy/helm/tokmeter"
TOOLS = REPOSITORY / ".cache/tools/usr/bin"
SCHEMAS = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
EVERYTHING = (
    *("--set", "tracer.enabled=true"),
    *("--set", "networkPolicy.enabled=true"),
    *("--set", "image.pullSecrets[0].name=pull"),
    *("--set", "injector.tolerations[0].operator=Exists"),
    *("--set", "injection.default_budgets[0]=small"),
    *("--set", "injection.budgets[0].name=small"),
    *("--set", "injection.budgets[0].limit.usd=5"),
    *("--set", "injection.budgets[0].window.period=day"),
)
# Kinds of the Prometheus operator are in no schema of Kubernetes.
MONITORED = ("--set", "podMonitor.enabled=true")


def tool(name: str) -> str:
    found = shutil.which(name, path=f"{TOOLS}:{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"no {name} here: scripts/setup-tests builds it where Go is")
    return found


def rendered(*words: str, version: str = "1.34") -> list[dict[str, Any]]:
    command = (
        tool("helm"),
        "template",
        "tokmeter",
        str(CHART),
        "--namespace",
        "system",
        "--kube-version",
        version,
        *words,
    )
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def test_the_chart_has_no_complaints() -> None:
    done = subprocess.run(
        (tool("helm"), "lint", "--strict", str(CHART)), capture_output=True, check=False, text=True, timeout=50
    )

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("words", [(), EVERYTHING], ids=["default", "everything"])
@pytest.mark.parametrize("version", ["1.30", "1.34", "1.37"])
def test_every_object_is_valid(version: str, words: tuple[str, ...]) -> None:
    for document in rendered(*words, version=version):
        kubernetes_validate.validate(document, version, strict=True)


def test_an_older_cluster_gets_no_policy_it_does_not_know() -> None:
    documents = rendered("--set", "admissionPolicy.enabled=false", version="1.28")

    for document in documents:
        kubernetes_validate.validate(document, "1.28", strict=True)
    assert "ValidatingAdmissionPolicy" not in {document["kind"] for document in documents}


def test_pods_are_monitored_by_the_port_that_sidecars_have() -> None:
    monitors = [document for document in rendered(*MONITORED) if document["kind"] == "PodMonitor"]

    ports = {endpoint["port"] for monitor in monitors for endpoint in monitor["spec"]["podMetricsEndpoints"]}
    assert ports == {METRICS_PORT, "metrics"}


@pytest.mark.parametrize("words", [(), EVERYTHING], ids=["default", "everything"])
def test_the_settings_are_what_the_injector_accepts(words: tuple[str, ...]) -> None:
    (settings,) = (document for document in rendered(*words) if document["kind"] == "ConfigMap")

    injection = parse_injection(settings["data"]["injection.yaml"], "injection.yaml")

    assert injection.image == "tokmeter:0.1.0"


def test_the_injector_may_do_what_it_says_it_needs_and_nothing_else() -> None:
    names = {"the secret": "tokmeter-injector-ca", "the webhook configuration": "tokmeter-injector"}
    scopes = {"ClusterRole": "cluster", "Role": "own namespace"}
    wanted = {
        (needed.group, needed.resource, needed.verbs, needed.scope, names.get(needed.named or ""))
        for needed in PERMISSIONS
    }

    granted = set()
    for role in rendered():
        if role["kind"] in scopes:
            for rule in role["rules"]:
                (group,), (resource,) = rule["apiGroups"], rule["resources"]
                (name,) = rule.get("resourceNames", [None])
                granted.add((group, resource, tuple(rule["verbs"]), scopes[role["kind"]], name))

    assert granted == wanted


def test_the_plain_manifests_are_what_the_chart_renders() -> None:
    environment = os.environ | {"PATH": f"{Path(tool('helm')).parent}:{os.environ['PATH']}"}

    done = subprocess.run(
        ("scripts/manifests", "--check"),
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        check=False,
        text=True,
        timeout=50,
    )

    assert done.returncode == 0, f"run scripts/manifests: {done.stderr}"


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Schemas that stand alone, as kubeconform wants them: each with the definitions that all of them share."""
    place, version = tmp_path_factory.mktemp("schemas"), SCHEMAS / "v1.34.0-local-strict"
    shared = "/api/_definitions.json#/$defs/"
    definitions = json.loads((version / "_definitions.json").read_text().replace(shared, "#/$defs/"))["$defs"]
    for document in rendered(*EVERYTHING):
        group = document["apiVersion"].partition("/")
        suffix = f"-{group[0].partition('.')[0]}-{group[2]}" if group[1] else f"-{group[0]}"
        name = f"{document['kind'].lower()}{suffix}.json"
        schema = json.loads((version / name).read_text().replace(shared, "#/$defs/"))
        (place / name).write_text(json.dumps(schema | {"$defs": definitions}))
    return place


def test_kubeconform_accepts_every_object(schemas: Path) -> None:
    where = f"{schemas}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"

    done = subprocess.run(
        (tool("kubeconform"), "-strict", "-summary", "-schema-location", where, "-"),
        input=yaml.safe_dump_all(rendered(*EVERYTHING)),
        capture_output=True,
        check=False,
        text=True,
        timeout=50,
    )

    assert done.returncode == 0, done.stdout
    assert "Invalid: 0, Errors: 0, Skipped: 0" in done.stdout
