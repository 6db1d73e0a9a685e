"""The tracer beside a real kubelet: a pod without a sidecar, seen from its node by its name.

It runs on the machine and not as the DaemonSet: the node is in a process namespace of its own here, and the kernel's programs
see the ids of the machine. What the DaemonSet has mounted is put together for it.
"""

from pathlib import Path

import pytest

from tests.kubernetes import images
from tests.kubernetes.node import Node
from tests.kubernetes.provider import Provider
from tests.kubernetes.workload import Application, deployment, namespace, pod_spec
from tests.privileged.traced import Tracer, ended, require_bpf, require_loader

SPACE = "watched"
# Whom the provider's certificate belongs to is not asked: nothing of tokmeter is in this pod to trust.
CHAT = """
import httpx, openai
client = openai.OpenAI(http_client=httpx.Client(verify=False))
reply = client.chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "How many sheep make a flock?"}], max_completion_tokens=64)
print(reply.usage.prompt_tokens, reply.usage.completion_tokens)
"""


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
    node.apply(namespace(SPACE), deployment("asker", SPACE, pod_spec(images.PYTHON_APP)))
    asker = Application(node, "asker", SPACE)
    asker.ready()
    pod = asker.pod["metadata"]["name"]

    with Tracer(tmp_path, loader).watching("--pod", f"{SPACE}/{pod}", "--host-root", str(host)) as watch:
        tokens = asker.python(CHAT).split()
        (event,), said = ended(watch)

    assert [str(event["usage"]["input_tokens"]), str(event["usage"]["output_tokens"])] == tokens, said
    assert (event["namespace"], event["pod"], event["container"]) == (SPACE, pod, "app")
    assert (event["capture"], event["provider"], event["request_model"]) == ("tracer", "openai", "gpt-4o")
