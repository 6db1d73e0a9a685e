"""A pod whose programs call the sidecar as their base URL, where Pod Security is strictest: no redirect, no proxy, no trust."""

from collections.abc import Iterator

import pytest

from tests.kubernetes import images, settings
from tests.kubernetes.node import Node
from tests.kubernetes.provider import Provider
from tests.kubernetes.test_sidecar import injected
from tests.kubernetes.workload import Application, deployment, namespace, pod_spec

SPACE = "base-urls"
LABELS = {"tokmeter.io/inject": "enabled", "pod-security.kubernetes.io/enforce": "restricted"}
ELSEWHERE = """
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 15401, timeout=10)
connection.request("POST", "/nobody/v1/chat/completions", b"{}")
print(connection.getresponse().status)
"""


@pytest.fixture(scope="module")
def spender(node: Node, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """openai-python in a restricted namespace, with a budget of a few calls."""
    program = pod_spec(
        images.PYTHON_APP,
        securityContext={"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    )
    program["containers"][0]["securityContext"] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    space = namespace(SPACE, LABELS, {"tokmeter.io/mode": "base-url"})
    written = injected(
        tmp_path_factory.mktemp("base-urls"), deployment("spender", SPACE, program), space, default_budgets=["few"]
    )
    node.kubectl("apply", "-f", "-", input=written)
    started = Application(node, "spender", SPACE)
    started.ready()
    yield started
    node.kubectl("delete", "namespace", SPACE, "--wait=false")


def test_an_unmodified_program_is_metered_and_capped(spender: Application) -> None:
    answers = [spender.chat() for _ in range(settings.CALLS + 1)]

    assert [answer.keys() for answer in answers[:-1]] == [{"tokens"}] * settings.CALLS
    assert answers[-1] == {"status": 429, "code": "insufficient_quota", "type": "RateLimitError"}
    assert spender.counted("tokmeter_exchanges_total") == settings.CALLS + 1
    assert spender.counted("tokmeter_input_tokens_total") == sum(answer["tokens"][0] for answer in answers[:-1])


def test_it_has_nothing_to_trust_and_no_privilege(spender: Application) -> None:
    spec = spender.pod["spec"]
    (app,) = spec["containers"]

    assert [container["name"] for container in spec["initContainers"]] == ["tokmeter"]
    assert not {"tokmeter-ca", "tokmeter-trust"} & {volume["name"] for volume in spec["volumes"]}
    assert not any(mount["name"].startswith("tokmeter") for mount in app["volumeMounts"])
    assert not {"SSL_CERT_FILE", "HTTPS_PROXY"} & {variable["name"] for variable in app["env"]}


def test_a_name_that_nobody_has_reaches_nobody(spender: Application) -> None:
    assert spender.python(ELSEWHERE) == "404\n"
    assert spender.counted("tokmeter_unmetered_exchanges_total") == 1
