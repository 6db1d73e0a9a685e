"""tokmeter's injector on the node, by the chart or by the plain manifests."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes import images, settings
from tests.kubernetes.node import Node
from tests.kubernetes.roots import REPOSITORY

CHART = REPOSITORY / "deploy/helm/tokmeter"
SYSTEM = "tokmeter-system"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def helm() -> str:
    """The program, by its path. Skips where there is none."""
    tools = REPOSITORY / ".cache/tools/usr/bin"
    found = shutil.which("helm", path=f"{tools}:{os.environ['PATH']}")
    if found is None:
        pytest.skip("no helm here: scripts/setup-tests builds it where Go is")
    return found


def values(**injector: Any) -> dict[str, Any]:
    """What the chart is told: the images of these tests, and one replica that is ready soon."""
    repository, _, tag = images.TOKMETER.rpartition(":")
    return {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "Never"},
        "injector": {"replicas": 1, **injector},
        "injection": {
            key: value for key, value in settings.injection().items() if key not in {"image", "image_pull_policy"}
        },
    }


def by_chart(node: Node, folder: Path, **injector: Any) -> None:
    """Installs or changes the release, until its pods are ready."""
    file = folder / "values.yaml"
    file.write_text(yaml.safe_dump(values(**injector)))
    words = ("upgrade", "--install", "tokmeter", str(CHART), "--namespace", SYSTEM, "--values", str(file))
    node.enter(helm(), *words, "--wait", "--timeout", "100s", timeout=120)


def gone(node: Node) -> None:
    """Takes the release back."""
    node.enter(helm(), "uninstall", "tokmeter", "--namespace", SYSTEM, "--wait", timeout=120)
