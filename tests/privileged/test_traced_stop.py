"""The kernel's stop: who has exhausted a budget reaches no LLM until it renews, and nobody else is affected."""

import contextlib
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.integration.applications import python_program
from tests.integration.namespaces import TwoMachines
from tests.privileged.traced import LIMIT_S, Tracer, trusting
from tokmeter.testing import ThreadedSimulator

PROGRAM = """
import http.client, json, subprocess, sys

BODY = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]})

def call(connection):
    connection.request("POST", "/v1/chat/completions", BODY, {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return str(answer.status)

def tried(action):
    try:
        return action()
    except Exception as error:
        return type(error).__name__

def new(name="api.openai.com"):
    connection = http.client.HTTPSConnection(name, 443, timeout=10)
    try:
        return call(connection)
    finally:
        connection.close()

def kept_end():
    kept.sock.settimeout(10)
    return "open" if kept.sock.recv(1) else "closed"

def child():
    code = "import socket; socket.create_connection(('api.openai.com', 443), 10)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return "PermissionError" if "PermissionError" in ended.stderr else f"{ended.returncode}"

kept = http.client.HTTPSConnection("api.openai.com", 443, timeout=10)
actions = {"kept": lambda: call(kept), "new": new, "end": kept_end, "child": child}
for line in sys.stdin:
    print(tried(actions[line.strip()]), flush=True)
"""


class Application:
    """A program that does one thing at a time when it is told to."""

    def __init__(self, machines: TwoMachines, environ: dict[str, str], service: str) -> None:
        self.process = subprocess.Popen(
            [*machines.applications.inside, python_program("openai_calls.py")[0], "-c", PROGRAM],
            env={**environ, "TOKMETER_SERVICE": service},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def does(self, what: str) -> str:
        """What came of it: a status, a word or the name of an exception."""
        if self.process.stdin is None or self.process.stdout is None:
            raise AssertionError("it has no pipes")
        print(what, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()

    def comes_to(self, what: str, outcome: str, limit_s: float) -> bool:
        """Does it again until it comes to that."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            if self.does(what) == outcome:
                return True
            time.sleep(0.2)
        return False


@contextlib.contextmanager
def applications(machines: TwoMachines, environ: dict[str, str], *services: str) -> Iterator[list[Application]]:
    """One for each service, gone afterwards."""
    started = [Application(machines, environ, service) for service in services]
    try:
        yield started
    finally:
        for application in started:
            application.process.kill()
            application.process.communicate()


def configured(folder: Path, requests: int, period: str) -> Path:
    """A configuration with one budget, of the service ``spender``."""
    file = folder / "tokmeter.yaml"
    file.write_text(
        f"budgets:\n- {{name: cap, limit: {{requests: {requests}}}, window: {{period: {period}}}, "
        "scope: {service: spender}}\n"
    )
    return file


def measured(metrics: str, name: str) -> float:
    """The value of a metric without labels."""
    with build_opener(ProxyHandler({})).open(f"{metrics}/metrics", timeout=LIMIT_S) as answer:
        lines = answer.read().decode().splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(f"tokmeter_{name} "))
    return float(value)


def comes_to_measure(metrics: str, name: str, least: float) -> bool:
    """Waits until a metric has at least that value: the kernel's counters are read once a second."""
    until = time.monotonic() + LIMIT_S
    while measured(metrics, name) < least:
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.timeout(180)
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_an_exhausted_budget_stops_its_processes_alone(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, family: str, tmp_path: Path
) -> None:
    machines.resolve(family)
    tracer.config = configured(tmp_path, 2, "total")
    with applications(machines, trusting(tmp_path, provider.ca_path), "spender", "neighbour") as (spender, neighbour):
        pids = ("--pid", str(spender.process.pid), "--pid", str(neighbour.process.pid))
        with tracer.watching(*pids, "--enforce"):
            assert [spender.does("kept"), neighbour.does("kept")] == ["200", "200"]
            assert spender.does("new") == "200"

            assert spender.comes_to("new", "PermissionError", 10)
            # The connection that was there before is closed, and what it starts is stopped as well.
            assert spender.does("end") in {"closed", "SSLEOFError"}
            assert spender.does("child") == "PermissionError"
            assert [neighbour.does("kept"), neighbour.does("new"), neighbour.does("child")] == ["200", "200", "0"]

            assert comes_to_measure(tracer.metrics, "refused_connections_total", 2)
            assert comes_to_measure(tracer.metrics, "closed_connections_total", 1)
            assert measured(tracer.metrics, "stopped_processes") == 1
        # Nothing is left when the tracer has ended.
        assert spender.does("new") == "200"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_stop_is_lifted_when_the_window_renews(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, tmp_path: Path
) -> None:
    tracer.config = configured(tmp_path, 2, "minute")
    with (
        applications(machines, trusting(tmp_path, provider.ca_path), "spender") as (spender,),
        tracer.watching("--pid", str(spender.process.pid), "--enforce"),
    ):
        assert spender.comes_to("new", "PermissionError", 30)
        assert spender.comes_to("new", "200", 70)
