"""Podman as the quickest place to try an injected pod: containers in a network of the test's own, no node.

Podman 4.3, which Debian has, is no Kubernetes: it takes no annotation longer than a label, no namespace from the downward API and
no port in a network that it did not make, and it takes away init containers that it believes to run. `played` leaves these out.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.kubernetes.node.layout import cache

TOOLS = ("podman", "runc", "conmon", "catatonit")
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""
_KEPT = {"io.podman.annotations.init.container.type": "always"}


def lacking() -> str | None:
    """What of it this machine has not; None if it can be used."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(absent)} (apt packages of these names)" if absent else None


def played(pod: Mapping[str, Any]) -> dict[str, Any]:
    """An injected pod as podman takes it."""
    spec = dict(pod["spec"])
    for kind in ("initContainers", "containers"):
        spec[kind] = [
            {key: value for key, value in container.items() if key != "ports"}
            | {"env": [variable for variable in container.get("env", ()) if "value" in variable]}
            for container in spec[kind]
        ]
    return {**pod, "metadata": {**pod["metadata"], "annotations": _KEPT}, "spec": spec}


class Podman:
    """Podman with images and settings of its own, beside nobody's."""

    def __init__(self, work: Path, inside: Sequence[str]) -> None:
        """Its state is in `work`; `inside` comes before each command."""
        self._inside = inside
        configuration = work / "containers.conf"
        configuration.write_text(_CONFIGURATION)
        self._environ = os.environ | {"CONTAINERS_CONF": str(configuration)}
        # Images are unpacked once: that takes longer than all the rest.
        self._images = cache() / "podman"
        places = ("--root", str(self._images), "--runroot", str(work / "run"), "--tmpdir", str(work / "tmp"))
        self._command = ("podman", *places, "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs")

    def load(self, archive: Path) -> None:
        """Knows an image, unless it did before."""
        known = self._images / "loaded" / archive.name
        if not known.exists():
            self.run("load", "--quiet", "--input", str(archive), timeout=180)
            known.parent.mkdir(exist_ok=True)
            known.touch()

    def run(self, *words: str, timeout: float = 90) -> str:
        """What it prints. Raises `AssertionError` with what it said if it fails."""
        command = (*self._inside, *self._command, *words)
        done = subprocess.run(
            command,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
