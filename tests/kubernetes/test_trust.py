"""Who trusts the sidecar's certificate on a real node, and for which names: each runtime by a program that knows nothing of it.

Besides the provider, every program asks a server of somebody who has the issuer's key. Under a name that the key may sign
for it is accepted, so that the other answer says something: under the name of no provider it is refused, for its certificate.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes import images, runtimes
from tests.kubernetes.injection import injected
from tests.kubernetes.material import BEDROCK, ELSEWHERE, GEMINI, HOSTS, UPSTREAM_CA
from tests.kubernetes.node import Node
from tests.kubernetes.provider import Provider
from tests.kubernetes.waiting import until
from tests.kubernetes.workload import Application, container, deployment, namespace, pod_spec

SPACE = "trust"
OPENAI, ANTHROPIC = HOSTS[:2]
EVIL, PERMITTED = "evil.example", "api.groq.com"
"""Names that lead to the thief's server: one of no provider, and one that the issuer may sign for."""
THIEF_PORT = 8444
BUNDLE = "/run/tokmeter/trust/bundle.pem"
ASK_PY, ASK_JS = ((runtimes.PROGRAMS / name).read_text() for name in ("ask.py", "ask.cjs"))
THIEF = Path(__file__).with_name("thief.py").read_text()

REFUSES = f"""
import http.client, ssl
context = ssl.create_default_context(cafile="{UPSTREAM_CA}")
connection = http.client.HTTPSConnection("{ANTHROPIC}", context=context, timeout=20)
try:
    connection.connect()
    issuer = dict(pair for (pair,) in connection.sock.getpeercert()["issuer"])
    connection.request("POST", "/v1/messages", b'{{"model": "claude-3-5-haiku-latest", "max_tokens": 9, "messages": []}}')
    print("accepted", connection.getresponse().status, "from", issuer["commonName"])
except ssl.SSLCertVerificationError as refused:
    print("refused", refused.verify_message)
"""
"""A program that was given the provider's own root and no other."""
PINS = f"""
import os, urllib3
pool = urllib3.HTTPSConnectionPool("{ANTHROPIC}", assert_fingerprint="00" * 32, ca_certs=os.environ["SSL_CERT_FILE"], retries=0)
try:
    print("accepted", pool.request("POST", "/v1/messages", body=b"{{}}").status)
except urllib3.exceptions.HTTPError as refused:
    print("refused", type(refused.reason).__name__, refused.reason)
"""
"""A program that pins the provider's certificate, whoever signed it."""


@dataclass(frozen=True)
class Runtime:
    """How a program asks `PLACE`, a host and port, and how its runtime says that a name is not permitted."""

    name: str
    command: tuple[str, ...]
    refusal: str
    host: str = OPENAI
    container: str = "app"
    accepted: str = "accepted 200"
    metered: bool = True
    """Whether what it asks is an exchange with a model."""

    def ask(self, application: Application, host: str, port: int = 443) -> str:
        """What the program prints."""
        place = f"{host}:{port}"
        command = (word.replace("PLACE", place) for word in self.command)
        return application.execute(*command, container=self.container, check=False)


def python(library: str, **more: Any) -> Runtime:
    more.setdefault("refusal", "permitted subtree violation")
    return Runtime(library, ("python3", "-c", ASK_PY, library, "PLACE"), **more)


def node_js(library: str) -> Runtime:
    words = ("node", "-e", ASK_JS, library, "PLACE")
    return Runtime(f"node-{library}", words, "permitted subtree violation", container="node")


RUNTIMES = (
    python("requests"),
    python("httpx"),
    python("aiohttp"),
    python("urllib"),
    python("boto3", host=BEDROCK),
    python("grpcio", host=GEMINI, accepted="accepted ready", metered=False),
    node_js("fetch"),
    node_js("https"),
    Runtime("go", ("ask-go", "PLACE"), "is not permitted by any constraint"),
    Runtime(
        "java",
        ("/opt/java/bin/java", "-XX:TieredStopAtLevel=1", "-cp", "/opt", "Ask", "PLACE"),
        "name constraints check failed",
    ),
    Runtime(
        "curl",
        (
            *("curl", "-sS", "-o", "/dev/null", "-w", "accepted %{http_code}"),
            *("--json", '{"model": "gpt-4o", "messages": []}', "https://PLACE/v1/chat/completions"),
        ),
        "permitted subtree violation",
    ),
    # No variable of ours speaks to git, whose hosts are passed through: what it would make of our certificate all the same.
    Runtime(
        "git",
        ("git", "-c", f"http.sslCAInfo={BUNDLE}", "ls-remote", "https://PLACE/a.git"),
        "certificate verification failed",
        accepted="not found",
        metered=False,
    ),
)


@pytest.fixture(params=RUNTIMES, ids=lambda runtime: runtime.name)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    found: Runtime = request.param
    lacking = runtimes.lacking(found.name)
    if lacking is not None:
        pytest.skip(f"the image has no {found.name}: this machine has no {lacking}")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trust")


@pytest.fixture(scope="module")
def space(node: Node, provider: Provider) -> Iterator[dict[str, Any]]:
    node.load(images.runtimes_app())
    found = namespace(SPACE, {"tokmeter.io/inject": "enabled"})
    node.apply(found)
    yield found
    node.kubectl("delete", "namespace", SPACE, "--wait=false")


def started(node: Node, folder: Path, space: dict[str, Any], name: str, spec: Any, **pod: Any) -> Application:
    node.kubectl("apply", "-f", "-", input=injected(folder, deployment(name, SPACE, spec, **pod), space))
    application = Application(node, name, SPACE)
    application.ready()
    return application


@pytest.fixture(scope="module")
def application(node: Node, folder: Path, space: dict[str, Any]) -> Iterator[Application]:
    """A pod with the programs of all runtimes, and the thief's server, which only they can reach."""
    spec = pod_spec(images.RUNTIMES)
    spec["containers"].append(container("node", images.NODE_APP))
    spec["hostAliases"].append({"ip": "127.0.0.1", "hostnames": [EVIL, PERMITTED]})
    application = started(node, folder, space, "matrix", spec)
    names = (str(THIEF_PORT), PERMITTED, EVIL)
    with application.follow("python3", "-c", THIEF, *names, container="tokmeter") as thief:
        assert thief.stdout is not None
        assert thief.stdout.readline() == "listening\n", thief.communicate(timeout=20)
        yield application
        thief.kill()


def unread(application: Application) -> dict[str, float]:
    """What the sidecar could not read of traffic with providers, by reason."""
    prefix, suffix = 'tokmeter_unmetered_exchanges_total{reason="', '"}'
    samples = application.metrics().items()
    return {name.removeprefix(prefix).removesuffix(suffix): value for name, value in samples if name.startswith(prefix)}


def test_a_runtime_trusts_the_sidecar_and_is_metered(application: Application, runtime: Runtime) -> None:
    exchanges, before = application.counted("tokmeter_exchanges_total"), unread(application)

    said = runtime.ask(application, runtime.host)

    assert runtime.accepted in said, said
    # The provider's own root is in no file that these programs read, so whatever they accepted was signed by the sidecar.
    assert not since(before, unread(application)).keys() & {"tls_refused", "tls_passed"}
    if runtime.metered:
        until(lambda: application.counted("tokmeter_exchanges_total") == exchanges + 1)


def test_a_stolen_issuer_speaks_for_no_other_name(application: Application, runtime: Runtime) -> None:
    permitted = runtime.ask(application, PERMITTED, THIEF_PORT)
    evil = runtime.ask(application, EVIL, THIEF_PORT)

    assert runtime.accepted in permitted, permitted
    assert runtime.refusal in evil, evil
    assert "accepted 200" not in evil


def test_what_is_no_provider_keeps_its_own_certificate(application: Application) -> None:
    """Nobody here trusts the provider's own root, unless told to."""
    untold, told = (
        application.execute(
            "git", "-c", f"http.sslCAInfo={file}", "ls-remote", f"https://{ELSEWHERE}/a.git", check=False
        )
        for file in (BUNDLE, UPSTREAM_CA)
    )

    assert "certificate verification failed" in untold
    assert "not found" in told


def test_a_program_with_roots_of_its_own_is_refused_once_and_then_passed_on_unread(application: Application) -> None:
    before, exchanges = unread(application), application.counted("tokmeter_exchanges_total")

    said = [refusing(application) for _ in range(3)]

    assert said[0].startswith("refused "), said
    assert said[1:] == ["accepted 200 from provider\n"] * 2, said
    assert since(before, unread(application)) == {"tls_refused": 1, "tls_passed": 2}
    assert application.counted("tokmeter_exchanges_total") == exchanges


def test_a_program_with_roots_of_its_own_stays_refused_where_the_pod_fails_closed(
    node: Node, folder: Path, space: dict[str, Any]
) -> None:
    strict = started(
        node, folder, space, "strict", pod_spec(images.RUNTIMES), annotations={"tokmeter.io/fail": "closed"}
    )

    said = [refusing(strict) for _ in range(3)]

    assert all(answer.startswith("refused ") for answer in said), said
    assert since({}, unread(strict)) == {"tls_refused": 3}


def test_a_program_that_looks_at_the_certificate_after_the_handshake_is_not_passed_on(application: Application) -> None:
    """To the sidecar it is a client that hung up: many do, for other reasons."""
    before, exchanges = unread(application), application.counted("tokmeter_exchanges_total")

    said = [application.python(PINS) for _ in range(3)]

    assert all(answer.startswith("refused SSLError Fingerprints did not match") for answer in said), said
    assert since(before, unread(application)) == {}
    assert application.counted("tokmeter_exchanges_total") == exchanges


def refusing(application: Application) -> str:
    """What a program says that trusts the provider's own root and nothing else."""
    return application.python(REFUSES)


def since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What rose, and by how much."""
    return {reason: value - before.get(reason, 0) for reason, value in after.items() if value != before.get(reason, 0)}
