"""Unmodified clients, traced without a proxy: what the tracer tells is what the provider served and what the proxy tells."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.applications import Application, Call, go_program, node_program, python_program
from tests.integration.metered import Metered
from tests.integration.namespaces import TwoMachines
from tests.integration.test_clients_http import HEADERS, URL, body
from tests.privileged.cgroups import cgroup
from tests.privileged.traced import Tracer, library, own_copy, trusting
from tokmeter.testing import Behaviour, ThreadedSimulator

type Find = Callable[[str], Application]

CALLS = ("chat", "stream", "stream_with_usage", "responses", "embeddings")
SAME = (
    "provider",
    "operation",
    "request_model",
    "response_model",
    "stream",
    "status",
    "usage",
    "provenance",
    "defects",
)


def told(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What must be the same however an exchange was captured."""
    return [{name: event[name] for name in (*SAME, "cost_usd")} for event in events]


def proxied(metered: Metered, machines: TwoMachines, command: list[str]) -> list[dict[str, Any]]:
    """The same application behind the proxy."""
    inside = machines.applications.inside
    with metered.sidecar(inside=inside, connect=False) as sidecar:
        sidecar.application([*inside, *command])
        sidecar.stop()
    return [{**{name: entry[name] for name in SAME}, "cost_usd": entry["cost_nano_usd"]} for entry in metered.entries()]


def nano(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same with the cost as the ledger has it."""
    return [{**event, "cost_usd": round(float(event["cost_usd"]) * 10**9)} for event in events]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_openai_python(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, mode: str, tmp_path: Path
) -> None:
    command = [*python_program("openai_calls.py"), mode, *CALLS]

    traced = tracer.run(command, trusting(tmp_path, provider.ca_path), machines.applications.inside)

    served = provider.requests
    assert [event["usage"]["input_tokens"] for event in traced.events] == [each.input_tokens for each in served]
    assert [event["capture"] for event in traced.events] == ["tracer"] * len(CALLS)
    assert {event["process"] for event in traced.events} == {"python"}
    assert nano(told(traced.events)) == proxied(Metered(tmp_path, tmp_path / "state", provider), machines, command)


@pytest.mark.timeout(180)
def test_openai_node(
    machines: TwoMachines,
    provider: ThreadedSimulator,
    tracer: Tracer,
    tool: Callable[[str], str],
    tmp_path: Path,
) -> None:
    # Node has its TLS built in, and is known when it runs. It begins when that is so.
    gate, preload = tmp_path / "gate", tmp_path / "wait.cjs"
    os.mkfifo(gate)
    preload.write_text(f"require('node:fs').readFileSync({str(gate)!r})")
    node, *program = node_program(tool)
    environ = trusting(tmp_path, provider.ca_path)

    traced = tracer.run(
        [node, "--require", str(preload), *program, *CALLS],
        environ,
        machines.applications.inside,
        plan=(gate, "begin"),
    )

    assert len(traced.events) == len(CALLS)
    behind = proxied(Metered(tmp_path, tmp_path / "state", provider), machines, [node, *program, *CALLS])
    assert nano(told(traced.events)) == behind


BEHAVIOURS = (Behaviour(), Behaviour(chunked=True), Behaviour(gzip=True), Behaviour(gzip=True, chunks=7))


def planned(app: Application, folder: Path) -> list[str]:
    """The command of a client that makes a request for each of the behaviours."""
    plain, stream = body(folder / "plain"), body(folder / "stream", stream=True)
    gzip = {**HEADERS, "accept-encoding": "gzip"}
    calls = [
        Call(URL, plain, HEADERS),
        Call(URL, plain, HEADERS, chunked=True),
        Call(URL, plain, gzip),
        Call(URL, stream, gzip, chunked=True),
    ]
    return app.planned(folder / "plan", calls)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["requests", "aiohttp", "httpx"])
def test_http_clients(
    machines: TwoMachines,
    provider: ThreadedSimulator,
    tracer: Tracer,
    find_application: Find,
    name: str,
    tmp_path: Path,
) -> None:
    command = planned(find_application(name), tmp_path)

    provider.follow(*BEHAVIOURS)
    traced = tracer.run(command, trusting(tmp_path, provider.ca_path), machines.applications.inside)
    provider.follow(*BEHAVIOURS)
    behind = proxied(Metered(tmp_path, tmp_path / "state", provider), machines, command)

    assert [event["defects"] for event in traced.events] == [[]] * len(BEHAVIOURS)
    assert nano(told(traced.events)) == behind


@pytest.mark.timeout(240)
def test_short_children_of_a_group(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, find_application: Find, tmp_path: Path
) -> None:
    command = planned(find_application("curl"), tmp_path)
    # In a group a library is attached to for all who use it, so that a process that lives for milliseconds is not missed.
    own_copy(machines.applications, library("libssl.so.3"), tmp_path)

    provider.follow(*BEHAVIOURS)
    with cgroup() as group:
        traced = tracer.run(command, trusting(tmp_path, provider.ca_path), machines.applications.inside, group=group)
    provider.follow(*BEHAVIOURS)
    behind = proxied(Metered(tmp_path, tmp_path / "state", provider), machines, command)

    assert nano(told(traced.events)) == behind
    assert {event["process"] for event in traced.events} == {"curl"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flags", [(), ("-ldflags=-s -w",)], ids=["symbols", "stripped"])
def test_go(
    machines: TwoMachines,
    provider: ThreadedSimulator,
    tracer: Tracer,
    tool: Callable[[str], str],
    tmp_path: Path,
    flags: tuple[str, ...],
) -> None:
    app = Application("go", go_program(tool, tmp_path, flags), "HTTP/1.1")
    command = planned(app, tmp_path)
    # A program that has its TLS built in is known when it runs. It reads its plan when that is so.
    plan = tmp_path / "plan"
    text = plan.read_text()
    plan.unlink()
    os.mkfifo(plan)

    provider.follow(*BEHAVIOURS)
    environ = trusting(tmp_path, provider.ca_path)
    traced = tracer.run(command, environ, machines.applications.inside, plan=(plan, text))
    plan.unlink()
    plan.write_text(text)
    provider.follow(*BEHAVIOURS)
    behind = proxied(Metered(tmp_path, tmp_path / "state", provider), machines, command)

    assert len(traced.lines) == len(BEHAVIOURS)
    assert nano(told(traced.events)) == behind
