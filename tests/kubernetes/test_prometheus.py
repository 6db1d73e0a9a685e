"""What a Prometheus in the cluster shows: it finds the sidecars by itself, and says what each service spends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes import images, prometheus
from tests.kubernetes.injection import injected
from tests.kubernetes.node import Node
from tests.kubernetes.prometheus import Prometheus
from tests.kubernetes.provider import Provider
from tests.kubernetes.waiting import until
from tests.kubernetes.workload import Application, deployment, namespace, pod_spec

SPACE = "scraped"
ASKING = namespace(SPACE, {"tokmeter.io/inject": "enabled"})
SPENT = "sum by (namespace, service) (tokmeter_cost_usd_total)"


@pytest.fixture(scope="module")
def monitor(node: Node) -> Iterator[Prometheus]:
    """A Prometheus that has found nothing yet."""
    if not prometheus.program().exists():
        pytest.skip("Prometheus with discovery of Kubernetes is not built: `make test-kubernetes` does")
    started = Prometheus(node)
    started.start()
    yield started
    node.kubectl("delete", "namespace", prometheus.SPACE, "--wait=false")


def test_spending_is_shown_by_service(node: Node, provider: Provider, monitor: Prometheus, tmp_path: Path) -> None:
    node.apply(ASKING)
    spenders = {name: Application(node, name, SPACE) for name in ("checkout", "search")}
    for name in spenders:
        changed = injected(tmp_path, deployment(name, SPACE, pod_spec(images.PYTHON_APP)), ASKING)
        node.kubectl("apply", "-f", "-", input=changed)
    for spender in spenders.values():
        spender.ready()

    for calls, spender in enumerate(spenders.values(), start=1):
        for _ in range(calls):
            assert spender.chat().keys() == {"tokens"}

    spent = {name: spender.counted("tokmeter_cost_usd_total") for name, spender in spenders.items()}
    assert 0 < spent["checkout"] < spent["search"]
    found = until(
        lambda: (samples := _by_service(monitor)).keys() == spent.keys() and samples == pytest.approx(spent) and samples
    )
    assert found
    pods = {spender.pod["metadata"]["name"] for spender in spenders.values()}
    told = {
        (sample["pod"], sample["container"])
        for sample, _ in monitor.query(f'tokmeter_build_info{{namespace="{SPACE}"}}')
    }
    assert told == {(pod, "tokmeter") for pod in pods}
    ours = [target for target in monitor.targets() if target["labels"]["namespace"] == SPACE]
    assert [target["health"] for target in ours] == ["up", "up"]
    node.kubectl("delete", "namespace", SPACE, "--wait=false")


def test_every_rule_that_ships_works_there(monitor: Prometheus) -> None:
    rules = until(lambda: (found := monitor.rules()) and "unknown" not in found.values() and found)

    assert len(rules) > 20
    assert set(rules.values()) == {"ok"}


def _by_service(monitor: Prometheus) -> dict[str, float]:
    return {labels["service"]: usd for labels, usd in monitor.query(SPENT) if labels["namespace"] == SPACE}
