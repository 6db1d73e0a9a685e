"""The tracer beside a real kubelet: a pod without a sidecar, seen from its node by its name.

As the DaemonSet, which meters every pod of the node and nobody outside of it; and on the machine, with what the DaemonSet has
mounted put together for it, by either loader.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kubernetes import images
from tests.kubernetes.node import Node
from tests.kubernetes.provider import Provider
from tests.kubernetes.roots import REPOSITORY
from tests.kubernetes.waiting import until
from tests.kubernetes.workload import Application, deployment, namespace, pod_spec
from tests.privileged.traced import Tracer, ended, require_bpf, require_loader

SPACE = "watched"
# Asks when it is told. Whom the provider's certificate belongs to it does not look at: nothing of ours is in this pod to trust.
PROGRAM = """
import os, requests, signal, warnings
warnings.simplefilter("ignore")
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
signal.sigwait({signal.SIGUSR1})
question = {"model": "gpt-4o", "messages": [{"role": "user", "content": "How many sheep make a flock?"}], "max_tokens": 64}
reply = requests.post("https://api.openai.com/v1/chat/completions", json=question, verify=False, timeout=20)
usage = reply.json()["usage"]
print(usage["prompt_tokens"], usage["completion_tokens"], flush=True)
signal.pause()
"""

TRACER = "tokmeter-tracer"
SECRET = "How many sheep make a flock?"


@pytest.fixture
def daemons(node: Node, tmp_path: Path) -> Iterator["Daemons"]:
    """The DaemonSet by its plain manifests, as a user installs it: the image is all that is changed."""
    base = tmp_path / "base"
    base.mkdir()
    for file in (REPOSITORY / "deploy/kubernetes/tracer").iterdir():
        (base / file.name).write_bytes(file.read_bytes())
    repository, _, tag = images.TOKMETER.rpartition(":")
    overlay = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": ["base"],
        "images": [{"name": "tokmeter", "newName": repository, "newTag": tag}],
    }
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    node.kubectl("apply", "-k", str(tmp_path))
    node.kubectl("-n", TRACER, "rollout", "status", f"daemonset/{TRACER}", "--timeout=100s", timeout=110)
    yield Daemons(node)
    # The namespace takes its time, and nobody waits for it.
    node.kubectl("delete", "-k", str(tmp_path), "--wait=false")
    node.kubectl("-n", TRACER, "wait", "pod", "--for=delete", "--all", "--timeout=60s", timeout=70)


class Daemons:
    """The tracer's pods; here one."""

    def __init__(self, node: Node) -> None:
        """On this node."""
        self._node = node
        (pod,) = node.get("pods", "-n", TRACER)["items"]
        self._address = f"http://{pod['status']['podIP']}:15491"

    def files(self) -> int:
        """How many files are attached to."""
        return int(json.loads(self._asked("/healthz"))["tracer"]["files"])

    def metrics(self) -> list[str]:
        """Its series."""
        return [line for line in self._asked("/metrics").splitlines() if not line.startswith("#")]

    def told(self) -> str:
        """All that its container has said."""
        return self._node.logs("-n", TRACER, f"daemonset/{TRACER}")

    def events(self, namespace: str) -> list[Any]:
        """What it said of a namespace."""
        lines = (line for line in self.told().splitlines() if line.startswith("{"))
        return [event for event in map(json.loads, lines) if event["namespace"] == namespace]

    def _asked(self, path: str) -> str:
        return self._node.enter("curl", "-sS", "--max-time", "5", f"{self._address}{path}")


def test_the_daemon_set_sees_the_pods_of_its_node_by_name(node: Node, provider: Provider, daemons: Daemons) -> None:
    space = "watched-by-all"
    before = daemons.files()
    node.apply(namespace(space), deployment("asker", space, pod_spec(images.PYTHON_APP, ["python3", "-c", PROGRAM])))
    asker = Application(node, "asker", space)
    asker.ready()
    pod = asker.pod["metadata"]["name"]
    until(lambda: daemons.files() > before)

    asker.python("import os, signal; os.kill(1, signal.SIGUSR1)")

    tokens = until(lambda: node.logs("-n", space, pod)).split()
    (event,) = until(lambda: daemons.events(space))
    assert [str(event["usage"]["input_tokens"]), str(event["usage"]["output_tokens"])] == tokens
    assert (event["pod"], event["container"]) == (pod, "app")
    assert (event["capture"], event["provider"], event["request_model"]) == ("tracer", "openai", "gpt-4o")
    spent = [line for line in daemons.metrics() if line.startswith("tokmeter_cost_usd_total")]
    assert [line for line in spent if 'service="asker"' in line], spent
    assert SECRET not in daemons.told()
    node.kubectl("delete", "namespace", space, "--wait=false")


@pytest.fixture
def host(node: Node, tmp_path: Path) -> Path:
    """The machine's processes and control groups, and the kubelet's own files."""
    shown = {
        "proc": Path("/proc"),
        "sys/fs/cgroup": Path("/sys/fs/cgroup"),
        "var/log/pods": node.layout.run / "pods",
        "etc/passwd": Path("/etc/passwd"),
    }
    for place, found in shown.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).symlink_to(found)
    return tmp_path


@pytest.mark.parametrize("loader", ["core", "bcc"])
def test_a_pod_is_seen_by_its_name(node: Node, provider: Provider, host: Path, tmp_path: Path, loader: str) -> None:
    require_bpf()
    require_loader(loader)
    name = f"asker-{loader}"
    node.apply(namespace(SPACE), deployment(name, SPACE, pod_spec(images.PYTHON_APP, ["python3", "-c", PROGRAM])))
    asker = Application(node, name, SPACE)
    asker.ready()
    pod = asker.pod["metadata"]["name"]

    with Tracer(tmp_path, loader).watching("--pod", f"{SPACE}/{pod}", "--host-root", str(host)) as watch:
        asker.python("import os, signal; os.kill(1, signal.SIGUSR1)")
        tokens = until(lambda: node.logs("-n", SPACE, pod)).split()
        (event,), said = ended(watch)

    assert [str(event["usage"]["input_tokens"]), str(event["usage"]["output_tokens"])] == tokens, said
    assert (event["namespace"], event["pod"], event["container"]) == (SPACE, pod, "app")
    assert (event["capture"], event["provider"], event["request_model"]) == ("tracer", "openai", "gpt-4o")
