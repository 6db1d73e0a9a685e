"""The tracer beside a real kubelet: a pod without a sidecar, seen from its node by its name.

It runs on the machine and not as the DaemonSet: the node is in a process namespace of its own here, and the kernel's programs
see the ids of the machine. What the DaemonSet has mounted is put together for it.
"""

from pathlib import Path

import pytest

from tests.kubernetes import images
from tests.kubernetes.node import Node
from tests.kubernetes.provider import Provider
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
