"""A Prometheus in the cluster that finds sidecars by itself, by the configuration and the rules that ship.

Debian's is built without discovery of Kubernetes, so this one is built from the Go module proxy, with that discovery alone.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from tests.kubernetes import images
from tests.kubernetes.node import Node
from tests.kubernetes.node.layout import REGISTRY, cache
from tests.kubernetes.roots import REPOSITORY, Root

VERSION = "v0.313.5"
"""That of the Go module, which is Prometheus 3.13.5."""
IMAGE = f"{REGISTRY}/prometheus:test"
SPACE = "monitoring"
BUILD_S = 1500
RULES = REPOSITORY / "deploy/prometheus"
SCRAPED = REPOSITORY / "deploy/kubernetes/monitoring/scrape-configs.yaml"
_PORT = 9090


def program() -> Path:
    """Where the program is kept once it is built."""
    return cache() / "bin" / f"prometheus-{VERSION}"


def build() -> None:
    """Builds it unless that was done: four minutes on two idle cores. Raises `subprocess.CalledProcessError`."""
    if program().exists():
        return
    module = ("go", "mod", "download", "-json", f"github.com/prometheus/prometheus@{VERSION}")
    found = subprocess.run(module, check=True, capture_output=True, timeout=300)
    half = program().with_name(f".{program().name}")
    tags = "remove_all_sd,enable_kubernetes_sd,netgo"
    command = (
        "go",
        "build",
        "-buildvcs=false",
        "-ldflags",
        "-s -w",
        "-tags",
        tags,
        "-o",
        str(half),
        "./cmd/prometheus",
    )
    # Its workspace names folders that are not in the module. `go install` refuses it for its replacements.
    environ = os.environ | {"GOWORK": "off"}
    subprocess.run(command, cwd=json.loads(found.stdout)["Dir"], env=environ, check=True, timeout=BUILD_S)
    half.rename(program())


def archive() -> Path:
    """The image's archive."""

    def fill(root: Root) -> None:
        shutil.copy2(program(), root.folder / "usr/local/bin/prometheus")

    return images.kept(IMAGE, (program(),), fill, entrypoint=("/usr/local/bin/prometheus",), user="65534:65534")


class Prometheus:
    """One, which scrapes every second."""

    def __init__(self, node: Node) -> None:
        """On this node."""
        self._node = node
        self._address = ""

    def start(self) -> None:
        """Until it answers."""
        self._node.load(archive())
        self._node.apply(*_objects())
        words = ("-n", SPACE, "wait", "--for=condition=Ready", "pod/prometheus", "--timeout=60s")
        self._node.kubectl(*words, timeout=70)
        pod = self._node.get("pod", "prometheus", "-n", SPACE)
        self._address = f"http://{pod['status']['podIP']}:{_PORT}/api/v1"

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The samples of an instant: labels and value."""
        found = self._asked(f"query?{urlencode({'query': expression})}")["result"]
        return [(sample["metric"], float(sample["value"][1])) for sample in found]

    def rules(self) -> dict[str, str]:
        """What became of each rule by its name: ``ok``, ``unknown`` before it was evaluated, or what is wrong."""
        rules = [rule for group in self._asked("rules")["groups"] for rule in group["rules"]]
        return {rule["name"]: rule.get("lastError") or rule["health"] for rule in rules}

    def targets(self) -> list[dict[str, Any]]:
        """What it scrapes."""
        found: list[dict[str, Any]] = self._asked("targets?state=active")["activeTargets"]
        return found

    def _asked(self, path: str) -> Any:
        answer = json.loads(self._node.enter("curl", "-sS", "--max-time", "5", f"{self._address}/{path}"))
        assert answer["status"] == "success", answer
        return answer["data"]


def _objects() -> list[dict[str, Any]]:
    name = {"name": "prometheus", "namespace": SPACE}
    scraped = yaml.safe_load(SCRAPED.read_text())["scrape_configs"]
    configuration = {
        "global": {"evaluation_interval": "1s"},
        "rule_files": ["/etc/prometheus/*.rules.yaml"],
        "scrape_configs": [job | {"scrape_interval": "1s", "scrape_timeout": "1s"} for job in scraped],
    }
    # The rules as they ship, but as often as is scraped.
    rules = {file.name: yaml.safe_load(file.read_text()) for file in sorted(RULES.glob("*.rules.yaml"))}
    for group in (group for file in rules.values() for group in file["groups"]):
        group["interval"] = "1s"
    data = {"prometheus.yaml": configuration, **rules}
    words = (
        "--config.file=/etc/prometheus/prometheus.yaml",
        "--storage.tsdb.path=/data",
        f"--web.listen-address=:{_PORT}",
    )
    container = {
        "name": "prometheus",
        "image": IMAGE,
        "args": list(words),
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": _PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "told", "mountPath": "/etc/prometheus"}],
    }
    spec = {
        "serviceAccountName": "prometheus",
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsUser": 65534, "fsGroup": 65534},
        "containers": [container],
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "told", "configMap": {"name": "prometheus"}}],
    }
    allowed = {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch", "get"]}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "prometheus"}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": name},
        {"apiVersion": rbac, "kind": "ClusterRole", "metadata": {"name": "prometheus"}, "rules": [allowed]},
        {
            "apiVersion": rbac,
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "prometheus"},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", **name}],
        },
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": name,
            "data": {file: yaml.safe_dump(content) for file, content in data.items()},
        },
        {"apiVersion": "v1", "kind": "Pod", "metadata": name, "spec": spec},
    ]
