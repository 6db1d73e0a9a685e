"""Podman as the quickest place to try an injected pod: containers in a network of the test's own, no node.

Podman 4.3, which Debian has, is no Kubernetes. `played` gives it what it takes: no annotation longer than a label, no namespace
from the downward API, no port in a network that it did not make, no probe, which it would ask with programs that the image
has not, and folders that everybody may write, because an empty volume belongs to whose container is first.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

TOOLS = ("podman", "runc", "conmon", "catatonit")
_CONFIGURATION = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""
_UNKNOWN = {"ports", "livenessProbe", "readinessProbe", "startupProbe"}
# Those that ended it would take away, and take for running now and then.
_KEPT = {"io.podman.annotations.init.container.type": "always"}


def lacking() -> str | None:
    """What of it this machine has not; None if it can be used."""
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"{', '.join(absent)} (apt packages of these names)" if absent else None


def played(pod: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """An injected pod as podman takes it, with its volumes in `folder`."""
    spec = {**pod["spec"], "restartPolicy": "Never"}
    for kind in ("initContainers", "containers"):
        spec[kind] = [
            {key: value for key, value in container.items() if key not in _UNKNOWN}
            | {"env": [variable for variable in container.get("env", ()) if "value" in variable]}
            for container in spec[kind]
        ]
    spec["volumes"] = [_volume(volume["name"], folder) for volume in spec["volumes"]]
    return {**pod, "metadata": {**pod["metadata"], "annotations": _KEPT}, "spec": spec}


def _volume(name: str, folder: Path) -> dict[str, Any]:
    place = folder / name
    place.mkdir()
    place.chmod(0o777)
    return {"name": name, "hostPath": {"path": str(place), "type": "Directory"}}


class Podman:
    """Podman with images and settings of its own, beside nobody's."""

    def __init__(self, work: Path, inside: Sequence[str]) -> None:
        """Its state is in `work`, whose path must be short; `inside` comes before each command."""
        self._inside = inside
        configuration = work / "containers.conf"
        configuration.write_text(_CONFIGURATION)
        self._environ = os.environ | {"CONTAINERS_CONF": str(configuration)}
        places = ("--root", str(work / "images"), "--runroot", str(work / "run"), "--tmpdir", str(work / "tmp"))
        self._command = ("podman", *places, "--storage-driver", "overlay", "--cgroup-manager", "cgroupfs")

    def load(self, archive: Path) -> None:
        """Knows an image."""
        self.run("load", "--quiet", "--input", str(archive), timeout=180)

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
