"""Whatever a pod holds, injecting it ends in an outcome; twice is once, and nothing that was there is changed."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.pod_security import restricted
from tests.unit.inject.pods import RESTRICTED
from tests.unit.inject.pods import settings as injector_settings
from tests.unit.injector.test_review import asked

from tokmeter.inject import Cluster, Namespace, Reason, apply, inject
from tokmeter.inject.injection import inject_manifest
from tokmeter.inject.manifest import Manifest
from tokmeter.injector import review

INJECTION = injector_settings()
CLUSTERS = st.builds(Cluster, st.tuples(st.just(1), st.integers(28, 37)))
NAMES = st.sampled_from(["a", "app", "db", "tokmeter-x", "night-28571234", "web-1"])
OURS = [
    *("SSL_CERT_FILE", "HTTPS_PROXY", "no_proxy", "JAVA_TOOL_OPTIONS", "NODE_EXTRA_CA_CERTS", "NODE_OPTIONS"),
    *("OPENAI_BASE_URL", "CO_API_URL", "AZURE_OPENAI_ENDPOINT", "HTTP_PROXY"),
]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
SOURCE = {"fieldRef": {"fieldPath": "metadata.name"}}
VARIABLES = st.one_of(
    st.builds(lambda name, value: {"name": name, "value": value}, st.sampled_from(OURS) | NAMES, TEXT),
    st.builds(lambda name: {"name": name, "valueFrom": SOURCE}, st.sampled_from(OURS) | NAMES),
)
HARDENED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


CONTAINERS = st.builds(
    lambda name, more: {"name": name, "image": "i", "securityContext": HARDENED, **more},
    NAMES,
    optional(
        env=st.lists(VARIABLES, max_size=4),
        envFrom=st.just([{"secretRef": {"name": "s"}}]),
        volumeMounts=st.just([{"name": "data", "mountPath": "/data"}]),
        ports=st.just([{"containerPort": 8080}]),
        resources=st.just({"limits": {"cpu": "1"}}),
    ),
)
SPECS = st.builds(
    lambda containers, more: {"containers": containers, "volumes": [{"name": "data", "emptyDir": {}}], **more},
    st.lists(CONTAINERS, min_size=1, max_size=3, unique_by=lambda c: c["name"]),
    optional(
        initContainers=st.lists(CONTAINERS, max_size=2, unique_by=lambda c: c["name"]),
        restartPolicy=st.sampled_from(["Always", "Never"]),
        hostNetwork=st.booleans(),
        shareProcessNamespace=st.booleans(),
        terminationGracePeriodSeconds=st.integers(0, 600),
    ),
)
METADATA = optional(
    name=NAMES,
    generateName=NAMES,
    labels=st.dictionaries(st.sampled_from(["app", "app.kubernetes.io/name", "tier"]), NAMES, max_size=2),
    annotations=st.dictionaries(
        st.sampled_from(["tokmeter.io/enforce", "tokmeter.io/budget", "tokmeter.io/ports", "tokmeter.io/mode", "x"]),
        st.sampled_from(["on", "shadow", "small", "service-daily", "8443", "proxy-env", "base-url"]),
        max_size=2,
    ),
)
PODS = st.builds(
    lambda metadata, spec: {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}, METADATA, SPECS
)
NAMESPACES = st.builds(
    lambda labels, budgets: Namespace("shop", {"tokmeter.io/inject": "enabled"} | labels, budgets),
    st.sampled_from([{}, RESTRICTED]),
    st.sampled_from([{}, {"tokmeter.io/budgets": "small,service-daily"}, {"tokmeter.io/mode": "base-url"}]),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT
WORDS = st.sampled_from(
    ["metadata", "spec", "containers", "initContainers", "env", "name", "value", "annotations", "labels", "volumes"]
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=20
)


def contains(whole: Any, part: Any) -> bool:
    """Whether `whole` is `part` with additions: members of mappings, items of lists in their old order."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        rest: Iterator[Any] = iter(whole if isinstance(whole, list) else ())
        return all(any(contains(item, wanted) for item in rest) for wanted in part)
    return bool(whole == part and type(whole) is type(part))


@given(PODS, NAMESPACES, CLUSTERS)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_twice_is_once_and_nothing_is_taken_away(pod: dict[str, Any], where: Namespace, cluster: Cluster) -> None:
    before = copy.deepcopy(pod)
    first = inject(pod, where, INJECTION, cluster)
    assert pod == before
    assert {operation["op"] for operation in first.patch} <= {"add"}
    if not first.injected:
        assert first.patch == []
        return

    whole = apply(pod, first.patch)
    second = inject(whole, where, INJECTION, cluster)

    assert contains(whole, pod)
    assert (second.reason, second.patch, second.warnings) == (Reason.UNCHANGED, [], first.warnings)
    assert inject(pod, where, INJECTION, cluster) == first


@given(PODS, CLUSTERS, st.sampled_from(["proxy-env", "base-url"]))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_made_is_valid_and_restricted(pod: dict[str, Any], cluster: Cluster, profile: str) -> None:
    where = Namespace("shop", {"tokmeter.io/inject": "enabled"} | RESTRICTED, {"tokmeter.io/mode": profile})
    pod["spec"].pop("hostNetwork", None)
    assert restricted(pod) == []
    outcome = inject(pod, where, INJECTION, cluster)
    if outcome.injected:
        whole = apply(pod, outcome.patch)

        kubernetes_validate.validate(whole, ".".join(map(str, cluster.version)), strict=True)
        assert restricted(whole) == []


@given(PODS, CONTAINERS, NAMESPACES, CLUSTERS)
@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_a_container_that_comes_later_is_completed(
    pod: dict[str, Any], late: dict[str, Any], where: Namespace, cluster: Cluster
) -> None:
    first = inject(pod, where, INJECTION, cluster)
    if not first.injected:
        return
    whole = apply(pod, first.patch)
    whole["spec"]["containers"].append(late)

    second = inject(whole, where, INJECTION, cluster)
    complete = apply(whole, second.patch)

    assert second.reason == Reason.INJECTED
    assert all(operation["path"].startswith("/spec/containers/") for operation in second.patch)
    assert contains(complete, whole)
    assert inject(complete, where, INJECTION, cluster).reason == Reason.UNCHANGED


@given(TREES, TREES, st.dictionaries(WORDS, TREES, max_size=3))
def test_anything_at_all_has_an_outcome(metadata: Any, spec: Any, anything: dict[str, Any]) -> None:
    where = Namespace("shop", {"tokmeter.io/inject": "enabled"})
    for pod in (anything, {"metadata": metadata, "spec": spec}):
        outcome = inject(pod, where, INJECTION, Cluster((1, 34)))

        assert outcome.message
        assert outcome.injected or outcome.patch == []


@given(PODS | st.builds(lambda metadata, spec: {"metadata": metadata, "spec": spec}, TREES, TREES), NAMESPACES)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_review_is_decided_as_its_pod_is(pod: dict[str, Any], where: Namespace) -> None:
    # JSON has no infinity; YAML has.
    assume("Infinity" not in json.dumps(pod))
    request = review.read(asked(object=pod))
    assert request.pod is not None

    assert inject(request.pod, where, INJECTION, Cluster((1, 34))) == inject(pod, where, INJECTION, Cluster((1, 34)))
    named = pod.get("metadata")
    assert request.metadata() == (named if isinstance(named, dict) else {})


@pytest.mark.parametrize("flow", [False, True])
@given(st.lists(PODS, max_size=2))
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.too_slow])
def test_a_manifest_is_changed_as_its_pods_are(flow: bool, pods: list[dict[str, Any]]) -> None:
    manifest = Manifest(yaml.safe_dump_all(pods, default_flow_style=flow, allow_unicode=True), "m")
    assert manifest.documents == pods

    entries = inject_manifest(manifest, "shop", INJECTION, Cluster((1, 34)))

    written = list(yaml.safe_load_all(manifest.text()))
    assert written == [apply(pod, entry.outcome.patch) for pod, entry in zip(pods, entries, strict=True)]
    assert Manifest(manifest.text(), "m").documents == written
