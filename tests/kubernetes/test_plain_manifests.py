"""The injector by its plain manifests and kustomize, without Helm."""

from pathlib import Path

import pytest
import yaml

from tests.kubernetes import images, settings
from tests.kubernetes.installation import SYSTEM
from tests.kubernetes.node import Node
from tests.kubernetes.provider import Provider
from tests.kubernetes.roots import REPOSITORY
from tests.kubernetes.waiting import until
from tests.kubernetes.workload import Application, deployment, namespace, pod_spec

BASE = REPOSITORY / "deploy/kubernetes/injector"


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A kustomization on the base, as a user writes one: the image, and what every sidecar is told."""
    base = tmp_path / "base"
    base.mkdir()
    for file in BASE.iterdir():
        (base / file.name).write_bytes(file.read_bytes())
    repository, _, tag = images.TOKMETER.rpartition(":")
    data = {"injection.yaml": settings.text()}
    patches = {
        "settings.yaml": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "tokmeter-injection", "namespace": SYSTEM},
            "data": data,
        },
        "kustomization.yaml": {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": SYSTEM,
            "resources": ["base"],
            "images": [{"name": "tokmeter", "newName": repository, "newTag": tag}],
            "patches": [{"path": "settings.yaml"}],
            "replicas": [{"name": "tokmeter-injector", "count": 1}],
        },
    }
    for name, content in patches.items():
        (tmp_path / name).write_text(yaml.safe_dump(content))
    return tmp_path


def test_kustomize_installs_what_injects(node: Node, provider: Provider, overlay: Path) -> None:
    node.kubectl("apply", "-k", str(overlay))
    try:
        node.kubectl("-n", SYSTEM, "rollout", "status", "deployment/tokmeter-injector", "--timeout=100s", timeout=110)
        node.apply(namespace("plain", {"tokmeter.io/inject": "enabled"}))
        trial = (
            "-n",
            "plain",
            "run",
            "trial",
            f"--image={images.PYTHON_APP}",
            "--dry-run=server",
            "-o",
            "jsonpath={.spec}",
        )
        until(lambda: '"name":"tokmeter"' in node.kubectl(*trial))
        node.apply(deployment("asker", "plain", pod_spec(images.PYTHON_APP)))
        asker = Application(node, "asker", "plain")
        asker.ready()

        assert asker.chat().keys() == {"tokens"}
        assert asker.counted("tokmeter_exchanges_total") == 1
    finally:
        node.kubectl("delete", "-k", str(overlay), "--timeout=100s", timeout=110)
