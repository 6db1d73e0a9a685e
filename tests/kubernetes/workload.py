"""Manifests of unmodified programs, and what is asked of them while they run."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

from tests.kubernetes import images
from tests.kubernetes.node import Node
from tests.kubernetes.provider import Provider

_KEY = {"name": "OPENAI_API_KEY", "value": "sk-of-nobody"}
_PYTHON_WAITS = ["/usr/local/bin/python3", "-c", "import signal; signal.sigwait({signal.SIGTERM})"]
_WAITS = {
    images.PYTHON_APP: _PYTHON_WAITS,
    images.RUNTIMES: _PYTHON_WAITS,
    images.NODE_APP: [
        "/usr/bin/node",
        "-e",
        "setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(0))",
    ],
}
CHAT = """
import json, openai
try:
    reply = openai.OpenAI(max_retries=0).chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "How many sheep make a flock?"}], max_completion_tokens=64)
    print(json.dumps({"tokens": [reply.usage.prompt_tokens, reply.usage.completion_tokens]}))
except openai.APIStatusError as refused:
    print(json.dumps({"status": refused.status_code, "code": refused.code, "type": type(refused).__name__}))
except openai.APIConnectionError as failed:
    print(json.dumps({"failed": repr(failed.__cause__)}))
"""
"""One call with openai-python; prints the tokens that it was told, or how it was refused."""


def pod_spec(image: str, command: Sequence[str] | None = None, **more: Any) -> dict[str, Any]:
    """A pod of one program that knows of nothing but its provider; without `command` it waits to be asked."""
    return {
        "hostAliases": list(Provider.aliases),
        "terminationGracePeriodSeconds": 20,
        "containers": [container("app", image, command)],
        **more,
    }


def container(name: str, image: str, command: Sequence[str] | None = None) -> dict[str, Any]:
    """One container of such a pod."""
    return {"name": name, "image": image, "command": list(command or _WAITS[image]), "env": [_KEY]}


def deployment(name: str, namespace: str, spec: Mapping[str, Any], **pod: Any) -> dict[str, Any]:
    """A Deployment of one replica; `pod` is more metadata of its pods."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels} | pod, "spec": spec},
        },
    }


def namespace(
    name: str, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A namespace."""
    metadata = {"name": name, "labels": dict(labels or {}), "annotations": dict(annotations or {})}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


class Application:
    """A Deployment that runs."""

    def __init__(self, node: Node, name: str, space: str) -> None:
        """Of this name, in this namespace."""
        self._node, self.name, self.namespace = node, name, space

    def ready(self) -> None:
        """Waits until its pods are."""
        words = ("-n", self.namespace, "rollout", "status", f"deployment/{self.name}", "--timeout=100s")
        self._node.kubectl(*words, timeout=110)

    @property
    def pod(self) -> Any:
        """Its one pod."""
        pods = self._node.get("pods", "-n", self.namespace, "-l", f"app={self.name}")["items"]
        (only,) = (pod for pod in pods if "deletionTimestamp" not in pod["metadata"])
        return only

    def execute(self, *command: str, container: str = "app", check: bool = True) -> str:
        """What a command prints in its container; without `check` also what it complains of, however it ends."""
        return self._node.kubectl(*self._executing(container), *command, check=check)

    def follow(self, *command: str, container: str = "app") -> subprocess.Popen[str]:
        """A command that runs on in its container."""
        return self._node.follow("kubectl", *self._executing(container), *command)

    def _executing(self, container: str) -> tuple[str, ...]:
        return ("-n", self.namespace, "exec", f"deployment/{self.name}", "-c", container, "--")

    def python(self, script: str) -> str:
        """What a script prints there."""
        return self.execute("python3", "-c", script)

    def chat(self) -> Any:
        """One call of openai-python."""
        return json.loads(self.python(CHAT))

    def metrics(self) -> dict[str, float]:
        """What its sidecar counts, by name and labels."""
        address = f"http://{self.pod['status']['podIP']}:15490/metrics"
        lines = self._node.enter("curl", "-sS", "--max-time", "5", address).splitlines()
        samples = (line.rpartition(" ") for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in samples}

    def counted(self, metric: str) -> float:
        """The sum of a metric's samples."""
        return sum(value for name, value in self.metrics().items() if name.partition("{")[0] == metric)
