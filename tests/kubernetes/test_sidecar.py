"""A pod with its sidecar, on a cluster that has nothing else of tokmeter: manifests that `tokmeter inject` changed."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.kubernetes import images, injection, settings
from tests.kubernetes.material import ELSEWHERE, HOSTS
from tests.kubernetes.node import Node
from tests.kubernetes.provider import SERVICE_IP, Provider
from tests.kubernetes.workload import CHAT, Application, deployment, namespace, pod_spec

SPACE = "sidecars"
KEYS = """
import pathlib
for file in pathlib.Path("/run/tokmeter").rglob("*"):
    if file.is_file():
        print(file, "PRIVATE KEY" in file.read_text(errors="replace"))
"""
DATAGRAM = f"""
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as quic:
    quic.settimeout(5)
    quic.connect(("{SERVICE_IP}", 443))
    try:
        quic.send(b"hello")
        quic.recv(1)
    except OSError as refused:
        print(type(refused).__name__)
"""
NODE_CALL = """
import('openai').then(async ({default: OpenAI}) => {
  const reply = await new OpenAI().chat.completions.create({model: 'gpt-4o', max_completion_tokens: 64,
    messages: [{role: 'user', content: 'How many sheep make a flock?'}]});
  console.log(JSON.stringify([reply.usage.prompt_tokens, reply.usage.completion_tokens]));
}).catch((failed) => console.log(JSON.stringify(String(failed.cause ?? failed))));
"""


STREAM = """
import openai, signal, sys
signal.signal(signal.SIGTERM, lambda *_: print("told to end", flush=True))
chunks = openai.OpenAI().chat.completions.create(
    model="gpt-4o", messages=[{"role": "user", "content": "How many sheep make a flock?"}], max_completion_tokens=64,
    stream=True, stream_options={"include_usage": True}, extra_headers={"x-simulate": "tokens=40,interval=0.1"})
for number, chunk in enumerate(chunks):
    if number == 1:
        print("streaming", flush=True)
print("read to its end,", chunk.usage.completion_tokens, "tokens", flush=True)
"""
"""A program that reads an answer of four seconds to its end, whatever it is told meanwhile."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sidecars")


@pytest.fixture(scope="module")
def space(node: Node, provider: Provider) -> Iterator[str]:
    node.apply(namespace(SPACE))
    yield SPACE
    node.kubectl("delete", "namespace", SPACE, "--wait=false")


def injected(folder: Path, document: object, space: Mapping[str, object] | None = None, **more: object) -> str:
    """What the command makes of a manifest in `space`, by default one that asks for sidecars and restricts nothing."""
    return injection.injected(folder, document, space or namespace(SPACE, {"tokmeter.io/inject": "enabled"}), **more)


@pytest.fixture(scope="module")
def application(node: Node, space: str, folder: Path) -> Application:
    node.kubectl("apply", "-f", "-", input=injected(folder, deployment("asker", space, pod_spec(images.PYTHON_APP))))
    started = Application(node, "asker", space)
    started.ready()
    return started


def test_an_unmodified_program_is_metered(application: Application) -> None:
    before = application.counted("tokmeter_exchanges_total")

    answer = application.chat()

    assert answer.keys() == {"tokens"}, answer
    assert application.counted("tokmeter_exchanges_total") == before + 1
    labelled = [name for name in application.metrics() if name.startswith("tokmeter_input_tokens_total")]
    assert labelled
    assert all('service="asker"' in name for name in labelled)


def test_openai_for_node_is_metered_too(node: Node, space: str, folder: Path) -> None:
    program = pod_spec(images.NODE_APP)
    program["containers"][0]["workingDir"] = "/app"
    node.kubectl("apply", "-f", "-", input=injected(folder, deployment("node-asker", space, program)))
    asker = Application(node, "node-asker", space)
    asker.ready()

    answer = json.loads(asker.execute("node", "-e", NODE_CALL))

    assert isinstance(answer, list), answer
    assert asker.counted("tokmeter_exchanges_total") == 1
    assert asker.counted("tokmeter_input_tokens_total") == answer[0]


def test_the_certificate_of_a_provider_is_the_sidecars_and_that_of_others_their_own(application: Application) -> None:
    said = {
        host: application.execute("sh", "-c", f"curl -skv --max-time 5 https://{host}/ 2>&1 || true")
        for host in (HOSTS[0], ELSEWHERE)
    }

    assert "issuer: O=tokmeter" in said[HOSTS[0]], said
    assert "issuer: CN=provider" in said[ELSEWHERE], said


def test_http_3_is_refused_at_once(application: Application) -> None:
    # What is rejected where it is sent is not permitted; a time-out would be a TimeoutError.
    assert application.python(DATAGRAM) in {"ConnectionRefusedError\n", "PermissionError\n"}


def test_the_application_sees_no_key(application: Application) -> None:
    seen = dict(line.rsplit(" ", 1) for line in application.python(KEYS).splitlines())

    assert "/run/tokmeter/trust/bundle.pem" in seen
    assert set(seen.values()) == {"False"}


def test_a_sidecar_that_starts_again_is_still_trusted(application: Application, node: Node) -> None:
    application.execute("python3", "-c", "import os, signal; os.kill(1, signal.SIGTERM)", container="tokmeter")
    pod = application.pod["metadata"]["name"]
    statuses = "jsonpath={.status.initContainerStatuses[?(@.name=='tokmeter')]"
    node.kubectl("-n", SPACE, "wait", f"pod/{pod}", f"--for={statuses}.restartCount}}=1", "--timeout=50s")
    node.kubectl("-n", SPACE, "wait", f"pod/{pod}", f"--for={statuses}.started}}=true", "--timeout=50s")

    assert application.chat().keys() == {"tokens"}


def test_a_budget_of_the_pod_refuses_in_the_providers_words(node: Node, space: str, folder: Path) -> None:
    program = deployment("spender", space, pod_spec(images.PYTHON_APP))
    node.kubectl("apply", "-f", "-", input=injected(folder, program, default_budgets=["few"]))
    spender = Application(node, "spender", space)
    spender.ready()

    answers = [spender.chat() for _ in range(settings.CALLS + 1)]

    assert [answer.keys() for answer in answers[:-1]] == [{"tokens"}] * settings.CALLS
    assert answers[-1] == {"status": 429, "code": "insufficient_quota", "type": "RateLimitError"}


def test_a_budget_of_a_service_is_not_anothers(node: Node, space: str, folder: Path) -> None:
    asked = {}
    for name in ("thrifty", "other"):
        program = deployment(name, space, pod_spec(images.PYTHON_APP))
        changed = injected(folder, program, default_budgets=["few-for-thrifty"])
        node.kubectl("apply", "-f", "-", input=changed)
        asked[name] = Application(node, name, space)
    for application in asked.values():
        application.ready()

    answers = {name: [application.chat() for _ in range(settings.CALLS + 1)] for name, application in asked.items()}

    assert answers["thrifty"][-1]["status"] == 429
    assert [answer.keys() for answer in answers["other"]] == [{"tokens"}] * (settings.CALLS + 1)


def test_a_job_ends_when_its_program_does(node: Node, space: str, folder: Path) -> None:
    spec = pod_spec(images.PYTHON_APP, ["python3", "-c", CHAT], restartPolicy="Never")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once", "namespace": space},
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": {"app": "once"}}, "spec": spec}},
    }
    node.kubectl("apply", "-f", "-", input=injected(folder, job))

    node.kubectl("-n", space, "wait", "job/once", "--for=condition=complete", "--timeout=50s")

    assert json.loads(node.logs("-n", space, "job/once", "-c", "app")).keys() == {"tokens"}


def test_an_answer_is_read_to_its_end_while_its_pod_ends(node: Node, space: str, folder: Path) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "ending", "namespace": space, "labels": {"app": "ending"}},
        "spec": pod_spec(images.PYTHON_APP, ["python3", "-c", STREAM], restartPolicy="Never"),
    }
    node.kubectl("apply", "-f", "-", input=injected(folder, pod))
    node.kubectl("-n", space, "wait", "pod/ending", "--for=condition=Ready", "--timeout=50s")
    words = ("kubectl", "-n", space, "logs", "-f", "ending", "-c")
    following = {name: node.follow(*words, name) for name in ("app", "tokmeter")}
    app = following["app"].stdout
    assert app is not None
    assert app.readline() == "streaming\n"

    node.kubectl("-n", space, "delete", "pod", "ending", "--wait=false")

    said = {name: process.communicate(timeout=50)[0] for name, process in following.items()}
    assert said["app"].splitlines() == ["told to end", "read to its end, 40 tokens"]
    # The sidecar was told once the program had ended, and had nothing to cut.
    assert said["tokmeter"].splitlines()[-1].startswith("tokmeter: draining")


def test_a_restricted_namespace_gets_variables_instead_of_a_redirect(
    node: Node, provider: Provider, folder: Path
) -> None:
    name = "restricted"
    space = namespace(name, {"tokmeter.io/inject": "enabled", "pod-security.kubernetes.io/enforce": "restricted"})
    program = pod_spec(
        images.PYTHON_APP,
        securityContext={"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    )
    program["containers"][0]["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    node.kubectl("apply", "-f", "-", input=injected(folder, deployment("asker", name, program), space))
    asker = Application(node, "asker", name)
    asker.ready()

    assert asker.chat().keys() == {"tokens"}
    assert asker.counted("tokmeter_exchanges_total") == 1
    assert [container["name"] for container in asker.pod["spec"]["initContainers"]] == ["tokmeter"]
    node.kubectl("delete", "namespace", name, "--wait=false")
