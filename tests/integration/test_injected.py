"""What the injector writes into a pod, run as the kubelet would: the redirect, then the sidecar, with its volumes and its user.

In a network and mount namespace, without a container: images and real nodes are tried elsewhere.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.integration.namespaces import Namespace, require_namespaces
from tests.unit.inject.pods import NEW, namespace, pod, settings
from tokmeter.inject import apply, inject
from tokmeter.inject.places import CA, STATE, TRUST

WAIT_S = 50
# The interpreter is read wherever it is installed; nothing else is allowed that the user may not.
AS_SIDECAR = (
    "setpriv",
    "--reuid=1338",
    "--regid=1338",
    "--clear-groups",
    "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search",
)


@pytest.fixture(scope="module")
def containers() -> dict[str, dict[str, Any]]:
    """Ours, by name."""
    written = pod()
    found = apply(written, inject(written, namespace(), settings(), NEW).patch)
    return {container["name"]: container for container in found["spec"]["initContainers"]}


@pytest.fixture
def inside(containers: dict[str, dict[str, Any]]) -> Iterator[Namespace]:
    """The network and the volumes of a pod, redirected."""
    require_namespaces()
    made = Namespace()
    try:
        for parent in ("/run", "/var/lib"):
            made.run("mount", "-t", "tmpfs", "tmpfs", parent)
        for place in (CA, TRUST, STATE):
            made.run("mkdir", "-p", place)
            # As the kubelet makes an emptyDir.
            made.run("chmod", "777", place)
        made.run(*python(containers["tokmeter-init"]["command"]))
        yield made
    finally:
        made.close()


def python(command: list[str]) -> list[str]:
    return [sys.executable, "-m", *command]


def environment(container: dict[str, Any]) -> list[str]:
    values = [f"{v['name']}={v['value'].replace('$$', '$')}" for v in container["env"] if "value" in v]
    return ["env", "-i", "PATH=/usr/bin:/bin", "POD_NAME=checkout-1", "POD_NAMESPACE=shop", *values]


@contextmanager
def serving(inside: Namespace, container: dict[str, Any]) -> Iterator[None]:
    """The sidecar, once it is ready."""
    before = [*inside.inside, *AS_SIDECAR, *environment(container)]
    with subprocess.Popen([*before, *python(container["command"])], stderr=subprocess.PIPE, text=True) as process:
        try:
            waiting = [*before, *python([*container["command"], "--await", str(WAIT_S)])]
            subprocess.run(waiting, check=True, timeout=WAIT_S + 10, capture_output=True)
            yield
        finally:
            process.terminate()
            process.communicate(timeout=WAIT_S)
    assert process.returncode == 0


def said(inside: Namespace, *command: str) -> str:
    return subprocess.run([*inside.inside, *command], check=True, capture_output=True, text=True, timeout=WAIT_S).stdout


@pytest.mark.timeout(240)
def test_the_sidecar_starts_as_it_is_written_and_keeps_its_authority(
    inside: Namespace, containers: dict[str, dict[str, Any]]
) -> None:
    with serving(inside, containers["tokmeter"]):
        assert sorted(said(inside, "ls", TRUST).split()) == [
            "bundle.pem",
            "ca.pem",
            "tokmeter-proxy.cjs",
            "truststore.p12",
        ]
        assert said(inside, "stat", "-c", "%a %u", f"{CA}/mitmproxy-ca.pem").split() == ["600", "1338"]
        listening = said(inside, "ss", "-ltnH")
        assert "127.0.0.1:15401" in listening
        assert "[::1]:15401" in listening
        assert "*:15490" in listening
        root = said(inside, "cat", f"{TRUST}/ca.pem")

    with serving(inside, containers["tokmeter"]):
        assert said(inside, "cat", f"{TRUST}/ca.pem") == root
