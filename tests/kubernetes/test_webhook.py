"""The injector in the cluster, installed by its chart: what it injects, what it refuses, and what happens without it."""

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes import images, installation, settings
from tests.kubernetes.installation import SYSTEM
from tests.kubernetes.node import Node, NodeError
from tests.kubernetes.provider import Provider
from tests.kubernetes.waiting import until
from tests.kubernetes.workload import Application, deployment, namespace, pod_spec
from tokmeter.injector.certificates.authority import make_authority

RENEWALS = "tokmeter_injector_certificate_renewals_total"
LABELLED = {"tokmeter.io/inject": "enabled"}


@pytest.fixture(scope="module")
def injector(node: Node, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    node.apply(namespace(SYSTEM, installation.RESTRICTED))
    installation.by_chart(node, tmp_path_factory.mktemp("chart"))
    until(lambda: would_inject(node))
    yield node
    installation.gone(node)


def would_inject(node: Node) -> bool:
    """Whether the webhook answers, by a pod that is not kept."""
    node.apply(namespace("trial", LABELLED))
    words = (
        "-n",
        "trial",
        "run",
        "trial",
        f"--image={images.PYTHON_APP}",
        "--dry-run=server",
        "-o",
        "jsonpath={.spec}",
    )
    return '"name":"tokmeter"' in node.kubectl(*words)


def events(node: Node, space: str) -> str:
    return node.kubectl(
        "-n", space, "get", "events", "-o", "jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}"
    )


def started(node: Node, space: str, name: str = "asker", **more: Any) -> Application:
    node.apply(deployment(name, space, pod_spec(images.PYTHON_APP), **more))
    application = Application(node, name, space)
    application.ready()
    return application


def test_a_label_and_a_new_pod_are_all_it_takes(injector: Node) -> None:
    space = namespace("labelled", LABELLED)
    injector.apply(space)
    asker = started(injector, "labelled")

    assert asker.chat().keys() == {"tokens"}
    assert asker.counted("tokmeter_exchanges_total") == 1
    assert [made["name"] for made in asker.pod["spec"]["initContainers"]] == ["tokmeter-init", "tokmeter"]
    assert asker.pod["spec"]["initContainers"][1]["restartPolicy"] == "Always"


def test_a_pod_takes_a_budget_that_its_namespace_lets_it_choose(injector: Node) -> None:
    injector.apply(namespace("choosing", LABELLED, {"tokmeter.io/budgets": "few,plenty"}))
    asker = started(injector, "choosing", annotations={"tokmeter.io/budget": "few"})

    answers = [asker.chat() for _ in range(settings.CALLS + 1)]

    assert answers[-1] == {"status": 429, "code": "insufficient_quota", "type": "RateLimitError"}


def test_events_say_why_a_pod_was_not_injected(injector: Node) -> None:
    injector.apply(
        namespace("asking", LABELLED), deployment("host", "asking", pod_spec(images.PYTHON_APP, hostNetwork=True))
    )
    injector.apply(
        deployment("richer", "asking", pod_spec(images.PYTHON_APP), annotations={"tokmeter.io/budget": "few"})
    )

    said = until(
        lambda: all(word in (found := events(injector, "asking")) for word in ("network of its node", "few")) and found
    )

    assert "tokmeter.io/budget" in said


def test_no_pod_starts_unmetered_where_a_namespace_enforces(injector: Node) -> None:
    injector.apply(namespace("enforcing", LABELLED | {"tokmeter.io/enforce": "on"}))
    started(injector, "enforcing")

    until(lambda: "tokmeter.io/enforce=on" in refused(injector, "--labels=tokmeter.io/inject=disabled"))
    by_hand = refused(injector, "--overrides", '{"spec": {"hostNetwork": true}}')

    assert "no sidecar of tokmeter" in by_hand


def refused(node: Node, *words: str) -> str:
    """Why a pod is not let in; empty if it is."""
    try:
        node.kubectl("-n", "enforcing", "run", "bare", f"--image={images.PYTHON_APP}", "--dry-run=server", *words)
    except NodeError as error:
        return str(error)
    return ""


def test_without_an_injector_pods_start_bare_but_where_the_namespace_enforces(injector: Node) -> None:
    injector.apply(namespace("bare", LABELLED), namespace("enforcing", LABELLED | {"tokmeter.io/enforce": "on"}))
    injector.kubectl("-n", SYSTEM, "scale", "deployment/tokmeter-injector", "--replicas=0")
    injector.kubectl(
        "-n", SYSTEM, "wait", "pod", "--for=delete", "-l", "app.kubernetes.io/component=injector", "--timeout=50s"
    )
    try:
        words = (
            "-n",
            "bare",
            "run",
            "bare",
            f"--image={images.PYTHON_APP}",
            "--dry-run=server",
            "-o",
            "jsonpath={.spec}",
        )
        assert '"name":"tokmeter"' not in injector.kubectl(*words)
        assert "no sidecar of tokmeter" in refused(injector)
    finally:
        injector.kubectl("-n", SYSTEM, "scale", "deployment/tokmeter-injector", "--replicas=1")
        injector.kubectl(
            "-n", SYSTEM, "rollout", "status", "deployment/tokmeter-injector", "--timeout=100s", timeout=110
        )
        until(lambda: would_inject(injector))


def test_its_certificate_changes_and_no_admission_fails(injector: Node, tmp_path: Path) -> None:
    """As when another replica has made the next authority some minutes ago."""
    installation.by_chart(injector, tmp_path, failurePolicy="Fail")
    until(lambda: would_inject(injector))
    before, asked = renewals(injector), 0
    authority = make_authority(f"tokmeter-injector.{SYSTEM}.svc", datetime.now(UTC) - timedelta(minutes=15))
    key = base64.b64encode(authority.pem).decode("ascii")
    patch = json.dumps({"data": {f"{authority.name}.pem": key}})
    try:
        injector.kubectl("-n", SYSTEM, "patch", "secret", "tokmeter-injector-ca", "--patch", patch)

        # It looks at what is shared twice a minute. A pod that could not be asked about would raise.
        end = time.monotonic() + 90
        while renewals(injector) == before and time.monotonic() < end:
            assert would_inject(injector)
            asked += 1
        assert renewals(injector) == before + 1
        assert all(would_inject(injector) for _ in range(10))
        assert asked > 0
    finally:
        installation.by_chart(injector, tmp_path)
        until(lambda: would_inject(injector))


def renewals(node: Node) -> float:
    """How often the injector has taken a new serving certificate."""
    (pod,) = node.get("pods", "-n", SYSTEM, "-l", "app.kubernetes.io/component=injector")["items"]
    said = node.enter("curl", "-sS", "--max-time", "5", f"http://{pod['status']['podIP']}:15490/metrics")
    (sample,) = (line for line in said.splitlines() if line.startswith(f'{RENEWALS}{{result="renewed"}}'))
    return float(sample.rpartition(" ")[2])


def test_with_the_policy_fail_no_pod_starts_without_an_injector(injector: Node, tmp_path: Path) -> None:
    installation.by_chart(injector, tmp_path, failurePolicy="Fail")
    injector.apply(namespace("strict", LABELLED))
    words = (
        "-n",
        "strict",
        "run",
        "strict",
        f"--image={images.PYTHON_APP}",
        "--dry-run=server",
        "-o",
        "jsonpath={.spec}",
    )
    until(lambda: '"name":"tokmeter"' in injector.kubectl(*words))
    injector.kubectl("-n", SYSTEM, "scale", "deployment/tokmeter-injector", "--replicas=0")
    injector.kubectl(
        "-n", SYSTEM, "wait", "pod", "--for=delete", "-l", "app.kubernetes.io/component=injector", "--timeout=50s"
    )
    try:
        said = injector.kubectl(*words, check=False)
        assert 'failed calling webhook "namespace.injector.tokmeter.io"' in said
    finally:
        installation.by_chart(injector, tmp_path)
        until(lambda: would_inject(injector))
