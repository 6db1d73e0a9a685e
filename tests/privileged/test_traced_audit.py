"""The coverage audit: who talks TLS to an LLM that no probe sees is listed, with bytes and the reason, and nobody else."""

import contextlib
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.integration.applications import Application, static_program
from tests.integration.metered import Metered
from tests.integration.namespaces import TwoMachines
from tests.privileged.test_traced_clients import planned
from tests.privileged.test_traced_stop import applications
from tests.privileged.traced import LIMIT_S, Tracer, ended, trusting
from tokmeter.testing import ThreadedSimulator

HOST = "api.openai.com"
LISTED = re.compile(
    r"unmetered: pid (\d+) (\S+) -> (\S+)  (\d+) connections?, (\S+ k?B) sent, (\S+ k?B) received: (.*)"
)


class Uncovered:
    """The program whose OpenSSL has no functions that could be attached to."""

    def __init__(self, machines: TwoMachines, built: Path, host: str = HOST, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [*machines.applications.inside, *static_program(built), host, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def calls(self) -> str:
        """Makes a request; the status of the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print("go", file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@contextlib.contextmanager
def uncovered(machines: TwoMachines, built: Path, host: str = HOST, *arguments: str) -> Iterator[Uncovered]:
    """One that ends with the context. It is where it is to be: it has made its program of the one that entered there."""
    started = Uncovered(machines, built, host, *arguments)
    try:
        until = time.monotonic() + LIMIT_S
        while Path(f"/proc/{started.process.pid}/exe").readlink().name != "call":
            assert time.monotonic() < until
            os.sched_yield()
        yield started
    finally:
        started.process.kill()
        started.process.communicate()


def series(metrics: str, name: str) -> dict[str, float]:
    """The values of a metric by its labels."""
    with build_opener(ProxyHandler({})).open(f"{metrics}/metrics", timeout=LIMIT_S) as answer:
        lines = answer.read().decode().splitlines()
    found = (line.rpartition(" ") for line in lines if line.startswith(f"tokmeter_{name}{{"))
    return {key.partition("{")[2].rstrip("}"): float(value) for key, _, value in found}


def until_listed(metrics: str, connections: int) -> dict[str, float]:
    """Waits until so many connections are listed; all that are."""
    until = time.monotonic() + LIMIT_S
    while sum((found := series(metrics, "unmetered_connections_total")).values()) < connections:
        assert time.monotonic() < until, found
        time.sleep(0.2)
    return found


@pytest.mark.timeout(240)
def test_who_is_not_covered_is_listed_and_nobody_else(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, built: Path, tmp_path: Path
) -> None:
    with (
        uncovered(machines, built) as listed,
        uncovered(machines, built) as stranger,
        uncovered(machines, built, "other.test") as elsewhere,
        applications(machines, trusting(tmp_path, provider.ca_path), "covered") as (covered,),
    ):
        chosen = (listed.process.pid, elsewhere.process.pid, covered.process.pid)
        with tracer.watching(*(word for pid in chosen for word in ("--pid", str(pid)))) as watch:
            assert [covered.does("kept"), covered.does("new"), stranger.calls(), elsewhere.calls()] == ["200"] * 4
            assert [listed.calls(), listed.calls()] == ["200", "200"]
            assert until_listed(tracer.metrics, 2) == {'reason="stripped"': 2}
            octets = series(tracer.metrics, "unmetered_bytes_total")
            events, said = ended(watch)

    assert len(events) == 2
    [(pid, process, host, connections, _, _, why)] = LISTED.findall(said.splitlines()[-1])
    assert (int(pid), process, host, connections) == (listed.process.pid, "call", HOST, "2")
    assert "built in without symbols; run it through tokmeter proxy" in why
    assert {line for line in said.splitlines() if "unmetered" in line and f"pid {pid} call" not in line} == set()
    # A request of about 300 bytes, and an answer with a certificate.
    assert 600 < octets['direction="sent",reason="stripped"'] < 2000
    assert octets['direction="received",reason="stripped"'] > 1500
    assert "hello" not in said


@pytest.mark.timeout(240)
def test_a_connection_that_goes_on_is_listed_before_it_ends(
    machines: TwoMachines,
    provider: ThreadedSimulator,
    tracer: Tracer,
    find_application: Callable[[str], Application],
    tmp_path: Path,
) -> None:
    """Java keeps its connections, and has its TLS in itself."""
    java = planned(find_application("java"), tmp_path)
    store = tmp_path / "store"
    subprocess.run(
        [
            "keytool",
            "-importcert",
            "-noprompt",
            "-file",
            provider.ca_path,
            "-keystore",
            store,
            "-storepass",
            "changeit",
        ],
        check=True,
        capture_output=True,
    )
    traced = tracer.run(
        [java[0], f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit", *java[1:]],
        trusting(tmp_path, provider.ca_path),
        machines.applications.inside,
        covered=False,
    )

    assert [line["status"] for line in traced.lines] == [200] * 4
    assert traced.events == []
    [(_, process, host, *_, why)] = LISTED.findall(traced.said)
    assert (process, host, why) == ("java", HOST, "Java has its own TLS; run it through tokmeter proxy")


@pytest.mark.timeout(240)
def test_who_goes_through_the_proxy_is_covered(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, built: Path, tmp_path: Path
) -> None:
    """Neither the program nor the proxy's own connection to the provider is listed, though no probe sees either."""
    metered = Metered(tmp_path, tmp_path / "state", provider)
    with metered.sidecar(inside=machines.applications.inside, connect=False) as sidecar:
        port = sidecar.proxy[0].rpartition(":")[2]
        with uncovered(machines, built, HOST, port) as behind, uncovered(machines, built) as listed:
            pids = (sidecar.pid, behind.process.pid, listed.process.pid)
            with tracer.watching(*(word for pid in pids for word in ("--pid", str(pid)))) as watch:
                assert [behind.calls(), listed.calls()] == ["200", "200"]
                until_listed(tracer.metrics, 1)
                _, said = ended(watch)
        sidecar.stop()

    assert len(metered.entries()) == 1
    assert [int(found[0]) for found in LISTED.findall(said)] == [listed.process.pid]
