"""A real Prometheus scrapes the exporter and answers questions about what it found."""

import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from tests.unit.export.fakes import FakeSnapshot
from tokmeter._core import Snapshot
from tokmeter.export.catalog import CATALOG
from tokmeter.export.jsonl import EventStream
from tokmeter.export.prometheus import Collector, build_info
from tokmeter.export.server import MetricsServer

PATIENCE_S = 45.0

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed")


class Prometheus:
    """One server with data, configuration and port of its own."""

    def __init__(self, directory: Path, target: str) -> None:
        config = {
            "global": {"scrape_interval": "200ms", "scrape_timeout": "200ms"},
            "scrape_configs": [{"job_name": "tokmeter", "static_configs": [{"targets": [target]}]}],
        }
        (directory / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML
        self.port = free_port()
        self.log = (directory / "log").open("w")
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
            stdout=self.log,
            stderr=self.log,
            stdin=subprocess.DEVNULL,
        )

    def get(self, path: str, **query: str) -> Any:
        with urlopen(f"http://127.0.0.1:{self.port}{path}?{urlencode(query)}", timeout=PATIENCE_S) as response:
            return json.load(response)["data"]

    def ask(self, query: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The instant vector of a PromQL query, by label set."""
        return {
            tuple(sorted(series["metric"].items())): float(series["value"][1])
            for series in self.get("/api/v1/query", query=query)["result"]
        }

    def wait_for(self, query: str) -> dict[tuple[tuple[str, str], ...], float]:
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.1)):
            try:
                if found := self.ask(query):
                    return found
            except (URLError, ConnectionError):
                pass  # still starting
            pause.wait(0.1)
        pytest.fail(f"prometheus never answered {query}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.log.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Prometheus]:
    events = EventStream()
    server = MetricsServer(
        "127.0.0.1",
        0,
        collector=Collector(cast(Callable[[], Snapshot], FakeSnapshot), [events.series, build_info("1.2.3", "book")]),
        events=events,
        budgets=list,
        health=dict,
    )
    host, port = server.start()
    prometheus = Prometheus(tmp_path, f"{host}:{port}")
    yield prometheus
    prometheus.stop()
    server.stop()


def test_prometheus_scrapes_and_answers(prometheus: Prometheus) -> None:
    assert set(prometheus.wait_for('up{job="tokmeter"} == 1').values()) == {1.0}

    spend = prometheus.wait_for("sum by (service, model) (tokmeter_cost_usd_total)")
    assert spend == {(("model", "model"), ("service", "service")): 1.5}

    left = prometheus.ask("tokmeter_budget_limit_usd - tokmeter_budget_spent_usd - tokmeter_budget_held_usd")
    assert set(left.values()) == {-1.5}

    median = prometheus.ask("histogram_quantile(0.5, sum by (le) (tokmeter_cost_usd_bucket))")
    assert 0.005 < median[()] < 1

    (build,) = prometheus.ask("tokmeter_build_info")
    assert ("version", "1.2.3") in build


def test_prometheus_knows_kind_and_help_of_every_metric(prometheus: Prometheus) -> None:
    prometheus.wait_for("tokmeter_build_info")

    known = prometheus.get("/api/v1/targets/metadata")

    told = {item["metric"]: (item["type"], item["help"]) for item in known}
    for metric in CATALOG:
        if metric.adapter and metric.name not in told:
            continue  # only what the test's adapters give
        kind = "gauge" if metric.kind == "info" else metric.kind
        assert told[metric.name] == (kind, metric.help)
