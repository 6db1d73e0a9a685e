"""Rules, dashboards and scraping speak of metrics that exist; every alert is shown to fire and to stay silent."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.deploy.promql import DISCOVERED, complaints

from tokmeter.export.catalog import CATALOG

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"
RECORDING = DEPLOY / "prometheus/recording.rules.yaml"
ALERTS = DEPLOY / "prometheus/alerts.rules.yaml"
CASES = sorted((Path(__file__).parent / "prometheus").glob("*.test.yaml"))
PAGES = sorted((DEPLOY / "grafana").glob("*.json"))
MONITORING = DEPLOY / "kubernetes/monitoring"
VARIABLE = re.compile(r"label_values\((.*), (\w+)\)")
# Of kube-state-metrics.
FOREIGN = {
    "kube_pod_labels": {"label_tokmeter_io_inject"},
    "kube_namespace_labels": {"label_tokmeter_io_inject"},
    "kube_pod_info": set[str](),
    "kube_pod_status_phase": {"phase"},
    "kube_pod_init_container_info": set[str](),
    "kube_pod_container_info": set[str](),
}


def document(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def rules(path: Path) -> list[dict[str, Any]]:
    return [rule for group in document(path)["groups"] for rule in group["rules"]]


def level(name: str) -> set[str]:
    """The labels that the first part of a recorded name tells."""
    told = set(name.partition(":")[0].split("_"))
    return told | DISCOVERED if told == {"budget", "window"} else told


def known() -> dict[str, set[str]]:
    found = dict(FOREIGN)
    for metric in CATALOG:
        if metric.kind == "histogram":
            labels = set(metric.labels)
            found |= {
                f"{metric.name}_bucket": {*labels, "le"},
                f"{metric.name}_sum": labels,
                f"{metric.name}_count": labels,
            }
        else:
            found[metric.name] = set(metric.labels)
    return found | {rule["record"]: level(rule["record"]) for rule in rules(RECORDING)}


KNOWN = known()


def targets(page: Path) -> list[dict[str, Any]]:
    return [target for panel in json.loads(page.read_text(encoding="utf-8"))["panels"] for target in panel["targets"]]


def run(promtool: str, *words: str | Path) -> None:
    done = subprocess.run([promtool, *words], capture_output=True, check=False, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_the_rules_do_what_their_cases_say(path: Path, tool: Callable[[str], str]) -> None:
    run(tool("promtool"), "test", "rules", path)


def test_the_rules_are_well_formed(tool: Callable[[str], str]) -> None:
    run(tool("promtool"), "check", "rules", RECORDING, ALERTS)


def test_each_alert_fires_in_one_case_and_not_in_another() -> None:
    tried: defaultdict[str, set[bool]] = defaultdict(set)
    for path in CASES:
        for case in document(path)["tests"]:
            for asked in case.get("alert_rule_test", []):
                tried[asked["alertname"]].add(bool(asked["exp_alerts"]))

    assert tried == {rule["alert"]: {True, False} for rule in rules(ALERTS)}


@pytest.mark.parametrize("rule", rules(ALERTS), ids=lambda rule: rule["alert"])
def test_an_alert_says_how_much_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning"}
    said = rule["annotations"]
    assert set(said) == {"summary", "description", "docs"}
    assert re.search(r"\$value|\d", said["description"])
    path, _, anchor = said["docs"].partition("#")
    headings = re.findall(r"^#+ (.+)$", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(
    "rule", [*rules(RECORDING), *rules(ALERTS)], ids=lambda rule: rule.get("record") or rule["alert"]
)
def test_rules_ask_for_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert list(complaints(rule["expr"], KNOWN)) == []


@pytest.mark.parametrize("rule", rules(RECORDING), ids=lambda rule: rule["record"])
def test_a_recorded_name_tells_its_labels(rule: dict[str, Any]) -> None:
    grouped = re.search(r"\bby \(([^)]*)\)", rule["expr"])
    # Without a grouping every label stays.
    kept = {label.strip() for label in grouped[1].split(",")} - {"le"} if grouped else {"budget", "window"}

    assert set(rule["record"].partition(":")[0].split("_")) == kept


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_dashboards_ask_for_metrics_and_labels_that_exist(page: Path) -> None:
    assert [said for target in targets(page) for said in complaints(target["expr"], KNOWN)] == []
    for variable in json.loads(page.read_text(encoding="utf-8"))["templating"]["list"]:
        if variable["type"] == "query":
            asked = VARIABLE.fullmatch(variable["definition"])
            assert asked, variable
            assert list(complaints(f"count by ({asked[2]}) ({asked[1]})", KNOWN)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "rate(tokmeter_cost_total[5m])",
        'tokmeter_cost_usd_total{user="a"}',
        "sum by (budget) (rate(tokmeter_cost_usd_total[5m]))",
        "tokmeter_cost_usd",
        'model:tokmeter_cost_usd:increase1h{service=~"a"}',
    ],
)
def test_what_does_not_exist_is_found(wrong: str) -> None:
    assert list(complaints(wrong, KNOWN))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_question_of_a_dashboard_parses(page: Path, tool: Callable[[str], str], tmp_path: Path) -> None:
    asked = [target["expr"].replace("$__rate_interval", "5m") for target in targets(page)]
    wrapped = tmp_path / "page.yaml"
    records = [{"record": f"asked:{number}", "expr": expression} for number, expression in enumerate(asked)]
    wrapped.write_text(json.dumps({"groups": [{"name": "page", "rules": records}]}), encoding="utf-8")

    run(tool("promtool"), "check", "rules", wrapped)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_dashboard_can_be_provisioned(page: Path) -> None:
    shown = json.loads(page.read_text(encoding="utf-8"))

    assert shown["uid"] == f"tokmeter-{page.stem}"
    assert "id" not in shown
    assert {panel["datasource"]["uid"] for panel in shown["panels"]} == {"${datasource}"}
    assert all(place["gridPos"]["x"] + place["gridPos"]["w"] <= 24 for place in shown["panels"])
    used = set(re.findall(r"\$([a-z]+)", " ".join(target["expr"] for target in targets(page))))
    assert used <= {variable["name"] for variable in shown["templating"]["list"]}


def test_what_is_generated_is_what_the_script_gives() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/monitoring.py", "--check"],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr


def test_both_ways_of_scraping_ask_the_same_port() -> None:
    monitors = list(yaml.safe_load_all((MONITORING / "podmonitor.yaml").read_text(encoding="utf-8")))
    jobs = document(MONITORING / "scrape-configs.yaml")["scrape_configs"]

    assert [job["job_name"] for job in jobs] == [monitor["metadata"]["name"] for monitor in monitors]
    for monitor, job in zip(monitors, jobs, strict=True):
        (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
        kept = [relabel["regex"] for relabel in job["relabel_configs"] if relabel.get("action") == "keep"]
        made = {relabel["target_label"] for relabel in job["relabel_configs"] if "target_label" in relabel}
        assert kept == [*monitor["spec"]["selector"].get("matchLabels", {}).values(), endpoint["port"]]
        # The API server takes no longer name.
        assert len(endpoint["port"]) <= 15
        assert job["scrape_interval"] == endpoint["interval"]
        assert {"namespace", "pod"} <= made <= DISCOVERED
        # What discovery adds would otherwise rename the metric's own label.
        assert {label for metric in CATALOG for label in metric.labels} & made == set()


def test_prometheus_takes_the_scraping(tool: Callable[[str], str], tmp_path: Path) -> None:
    config = document(MONITORING / "scrape-configs.yaml")
    for job in config["scrape_configs"]:
        # Debian's build of Prometheus has no discovery by Kubernetes.
        assert job.pop("kubernetes_sd_configs") == [{"role": "pod"}]
    (tmp_path / "prometheus.yml").write_text(json.dumps(config), encoding="utf-8")

    run(tool("promtool"), "check", "config", tmp_path / "prometheus.yml")
