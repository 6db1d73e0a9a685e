"""Processes that end while others go on: the kernel needs seconds to detach from each, and nothing of the others may be lost."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.applications import Application, Call, python_program
from tests.integration.namespaces import TwoMachines
from tests.integration.test_clients_http import HEADERS, URL, body
from tests.privileged.cgroups import cgroup
from tests.privileged.traced import (
    LIMIT_S,
    POLL_S,
    WAITING,
    Tracer,
    arrived,
    ended,
    library,
    own_copy,
    trusting,
)
from tokmeter.testing import ThreadedSimulator

type Find = Callable[[str], Application]

CHILDREN = 4
STEADY = """
import http.client, json, ssl, subprocess, sys, time
CHILD = "import ssl, time; time.sleep(3)"
children = [subprocess.Popen([sys.executable, "-c", CHILD]) for _ in range(int(sys.argv[1]))]
connection = http.client.HTTPSConnection("api.openai.com")
message = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}], "metadata": {"pad": "p" * 500_000}}
count = rest = 0
while rest < 30:
    # Some five megabytes a second: the ring holds what comes in one and a half.
    rest += not any(child.poll() is None for child in children)
    count += 1
    connection.request("POST", "/v1/chat/completions", json.dumps(message), {"content-type": "application/json"})
    connection.getresponse().read()
    time.sleep(0.1)
print(json.dumps({"requests": count}))
"""
"""Makes requests while its children, which have the TLS library to themselves for a tracer, end; and for seconds after that."""


@pytest.mark.timeout(240)
def test_nothing_is_lost_while_processes_end(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, tmp_path: Path
) -> None:
    python = python_program("openai_calls.py")[0]
    command = [*machines.applications.inside, *WAITING, python, "-c", STEADY, str(CHILDREN)]
    start = {"env": trusting(tmp_path, provider.ca_path), "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, text=True, **start) as parent:  # type: ignore[call-overload]
        try:
            arrived(parent)
            with tracer.watching("--pid", str(parent.pid)) as watch:
                alone = tracer.files()
                parent.stdin.write("go\n")
                parent.stdin.flush()
                tracer.until_attached(alone + CHILDREN)
                output, _ = parent.communicate(timeout=2 * LIMIT_S)
                counters = _counted(tracer, alone)
                events, _ = ended(watch)
        finally:
            parent.kill()

    assert output == f'{{"requests": {len(provider.requests)}}}\n'
    assert counters["lost"] == 0
    assert [event["defects"] for event in events] == [[]] * len(provider.requests)
    assert {event["pid"] for event in events} == {parent.pid}


@pytest.mark.timeout(240)
def test_many_short_processes_of_a_group(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, find_application: Find, tmp_path: Path
) -> None:
    own_copy(machines.applications, library("libssl.so.3"), tmp_path)
    calls = [Call(URL, body(tmp_path / "body"), HEADERS)] * 30
    command = find_application("curl").planned(tmp_path / "plan", calls)

    with cgroup() as group:
        environ = trusting(tmp_path, provider.ca_path)
        traced = tracer.run(command, environ, machines.applications.inside, group=group)

    assert [event["usage"]["output_tokens"] for event in traced.events] == [
        request.output_tokens for request in provider.requests
    ]
    assert [event["defects"] for event in traced.events] == [[]] * len(calls)
    assert len({event["pid"] for event in traced.events}) == len(calls)


def _counted(tracer: Tracer, files: int) -> dict[str, int]:
    """What has been counted when those that have ended are let go of."""
    until = time.monotonic() + LIMIT_S
    while (counters := tracer.counters())["files"] >= files:
        assert time.monotonic() < until, counters
        time.sleep(POLL_S)
    return counters
