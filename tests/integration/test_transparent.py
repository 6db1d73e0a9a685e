"""Programs that know of no proxy, redirected by the kernel: in a network namespace, over IPv4 and IPv6.

The proxy has a user of its own that the redirect exempts; a proxy that were not would reach itself for ever.
"""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.applications import Application, Call, node_program, python_program
from tests.integration.metered import Metered, Sidecar, facts, finished
from tests.integration.namespaces import AS_PROXY, PROVIDER, PROXY_UID, TwoMachines, require_namespaces
from tests.integration.test_clients_http import APPLICATIONS, HEADERS, URL, body
from tokmeter.testing import Behaviour, ThreadedSimulator

PORT = 15401
LISTEN = ("--mode", "transparent", "--listen", f"127.0.0.1:{PORT}", "--listen", f"[::1]:{PORT}")

type Find = Callable[[str], Application]


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[TwoMachines]:
    require_namespaces()
    with TwoMachines(tmp_path) as both:
        both.resolve("ipv4")
        both.redirect_to(PORT)
        yield both


@pytest.fixture
def provider(machines: TwoMachines) -> Iterator[ThreadedSimulator]:
    """The provider, on port 443 of a machine of its own."""
    simulator = ThreadedSimulator(tls=True, host="", port=443, names=("other.test",))
    with machines.provider.entered():
        simulator.__enter__()
    try:
        yield simulator
    finally:
        simulator.__exit__()


@pytest.fixture
def behind(provider: ThreadedSimulator) -> Iterator[Metered]:
    """tokmeter whose files belong to the proxy's user, in a place that this user can reach."""
    with tempfile.TemporaryDirectory(prefix="tokmeter-transparent-") as own:
        os.chown(own, PROXY_UID, PROXY_UID)
        yield Metered(Path(own), Path(own) / "state", provider)


@pytest.fixture
def sidecar(machines: TwoMachines, behind: Metered) -> Iterator[Sidecar]:
    inside = (*machines.applications.inside, *AS_PROXY)
    with behind.sidecar(options=LISTEN, inside=inside, connect=False) as running:
        yield running


def test_the_proxy_runs_as_the_exempted_user(sidecar: Sidecar) -> None:
    status = Path(f"/proc/{sidecar.pid}/status").read_text()

    assert f"Uid:\t{PROXY_UID}\t{PROXY_UID}" in status
    assert sidecar.proxy == [f"127.0.0.1:{PORT}", f"[::1]:{PORT}"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", APPLICATIONS)
def test_redirected_clients_are_metered(
    machines: TwoMachines, behind: Metered, sidecar: Sidecar, find_application: Find, name: str, tmp_path: Path
) -> None:
    app = find_application(name)
    plain, stream = body(tmp_path / "plain"), body(tmp_path / "stream", stream=True)
    calls = [Call(URL, plain, HEADERS), Call(URL, stream, HEADERS, chunked=True)]
    command = [*machines.applications.inside, *app.planned(tmp_path / "plan", calls)]

    lines = []
    for family in ("ipv4", "ipv6"):
        machines.resolve(family)
        lines += finished(command, sidecar.trust_environment())
    sidecar.stop()

    served = behind.simulator.requests
    assert [(line["status"], line["sha256"]) for line in lines] == [
        (200, request.response_sha256) for request in served
    ]
    assert [request.body_sha256 for request in served] == [
        hashlib.sha256(call.body.read_bytes()).hexdigest() for call in calls * 2 if call.body
    ]
    assert facts(behind.entries()) == [
        ("chat", "ok", "admit", "reported", request.input_tokens, request.output_tokens) for request in served
    ]
    assert {request.server_name for request in served} == {"api.openai.com"}


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("sdk", ["openai-python", "anthropic-python", "openai-node"])
def test_redirected_sdks_are_metered(
    machines: TwoMachines, behind: Metered, sidecar: Sidecar, tool: Callable[[str], str], sdk: str, family: str
) -> None:
    """A whole reply, a stream, and one whose reader leaves."""
    if sdk == "openai-python":
        command: tuple[str, ...] = (*python_program("openai_calls.py"), "async", "chat", "stream_with_usage")
    elif sdk == "openai-node":
        command = (*node_program(tool), "chat", "stream_with_usage")
    else:
        command = (*python_program("anthropic_calls.py"), "sync", "messages", "stream")
    operation = "messages" if sdk == "anthropic-python" else "chat"
    machines.resolve(family)
    behind.simulator.follow(Behaviour(), Behaviour(), Behaviour(hold_after=2))

    lines = finished([*machines.applications.inside, *command, "impatient"], sidecar.trust_environment())
    sidecar.stop()

    served = behind.simulator.requests
    entries = behind.entries()
    assert [line["words"] for line in lines] == [24, 24, 2]
    assert len(served) == 3
    assert facts(entries[:2]) == [
        (operation, "ok", "admit", "reported", request.input_tokens, request.output_tokens) for request in served[:2]
    ]
    assert [(entry["outcome"], entry["provenance"]) for entry in entries[2:]] == [("client_gone", "estimated")]


def test_other_hosts_pass_through_unread(
    machines: TwoMachines, behind: Metered, sidecar: Sidecar, tmp_path: Path, find_application: Find
) -> None:
    """The client trusts the other host's own certificate and not ours: what it meets must be the original."""
    curl = find_application("curl")
    command = [
        *machines.applications.inside,
        *curl.planned(tmp_path / "plan", [Call("https://other.test/v1/models", None, HEADERS)]),
    ]
    environ = {**sidecar.trust_environment(), "CURL_CA_BUNDLE": str(behind.simulator.ca_path)}

    lines = finished(command, environ)
    sidecar.stop()

    assert [line["status"] for line in lines] == [200]
    assert [request.server_name for request in behind.simulator.requests] == ["other.test"]
    assert behind.entries() == []


def test_a_dead_proxy_is_no_way_around(
    machines: TwoMachines, behind: Metered, sidecar: Sidecar, tmp_path: Path, find_application: Find
) -> None:
    curl = find_application("curl")
    command = [
        *machines.applications.inside,
        *curl.planned(tmp_path / "plan", [Call(URL, body(tmp_path / "b"), HEADERS)]),
    ]
    os.kill(sidecar.pid, signal.SIGKILL)
    sidecar.stop()

    with pytest.raises(AssertionError, match="curl"):
        finished(command, sidecar.trust_environment())

    assert behind.simulator.connections == 0


UDP = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
with socket.socket(family, socket.SOCK_DGRAM) as asking:
    asking.settimeout(20)
    asking.connect((sys.argv[1], int(sys.argv[2])))
    try:
        asking.send(b"?")
        print(asking.recv(10))
    except (ConnectionRefusedError, PermissionError):
        print("refused")
"""


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_http_3_is_refused_at_once(machines: TwoMachines, family: str) -> None:
    """Silence would cost a program a time-out before it falls back to TCP."""
    with machines.provider.entered(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as provider:
        provider.bind(("::", 443))
        provider.settimeout(0)

        command = [*machines.applications.inside, sys.executable, "-c", UDP, PROVIDER[family], "443"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True).stdout

        assert said == "refused\n"
        with pytest.raises(BlockingIOError):
            provider.recv(10)


def test_the_rules_are_told_from_others(machines: TwoMachines) -> None:
    asked = [*machines.applications.inside, sys.executable, "-m", "tokmeter", "redirect", "--check", f"--to={PORT}"]

    right = subprocess.run([*asked, f"--uid={PROXY_UID}"], capture_output=True, timeout=50, check=False)
    wrong = subprocess.run([*asked, "--uid=7718"], capture_output=True, timeout=50, check=False)
    machines.applications.run("nft", "insert", "rule", "inet", "tokmeter", "redirected", "accept")
    undone = subprocess.run([*asked, f"--uid={PROXY_UID}"], capture_output=True, timeout=50, check=False)

    assert (right.returncode, wrong.returncode, undone.returncode) == (0, 3, 3)
