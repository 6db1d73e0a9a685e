"""Clients that speak HTTP/2 with the provider, traced: streams of one connection are told apart."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.applications import Application, Call
from tests.integration.namespaces import PROVIDER, TwoMachines
from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.test_clients_http import HEADERS, URL, body
from tests.integration.upstream_h2 import UpstreamH2, upstream_h2
from tests.privileged.cgroups import cgroup
from tests.privileged.traced import Tracer, library, own_copy, trusting
from tokmeter._core import PriceBook
from tokmeter.clock import now_ns

type Find = Callable[[str], Application]

USAGE = {"prompt_tokens": 13, "completion_tokens": 7, "total_tokens": 20}
MODEL = "gpt-4o-2024-08-06"
CALLS = 3
START_S = 20


def chunk(**more: Any) -> bytes:
    event = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": MODEL, "choices": [], **more}
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def stream(_body: bytes) -> tuple[bytes, int]:
    """A reply in events, cut into frames that end anywhere."""
    words = (chunk(choices=[{"index": 0, "delta": {"content": f"word{number} "}}]) for number in range(5))
    return b"".join(words) + chunk(usage=USAGE) + b"data: [DONE]\n\n", 100


@pytest.fixture
def certificate(tmp_path: Path) -> ProviderCertificate:
    return ProviderCertificate(tmp_path, "api.openai.com")


@pytest.fixture
def provider(machines: TwoMachines, certificate: ProviderCertificate) -> Iterator[UpstreamH2]:
    """On port 443 of the provider's machine, over HTTP/2 alone."""
    ready, done = threading.Event(), threading.Event()
    started: list[UpstreamH2] = []

    async def serve() -> None:
        context = certificate.server("h2")
        async with upstream_h2(context, stream, host=PROVIDER["ipv4"], port=443) as seen:
            started.append(seen)
            ready.set()
            await asyncio.to_thread(done.wait)

    with machines.provider.entered():
        thread = threading.Thread(target=lambda: asyncio.run(serve()))
        thread.start()
    try:
        assert ready.wait(START_S)
        yield started[0]
    finally:
        done.set()
        thread.join()


def check(events: list[dict[str, Any]]) -> None:
    """Each exchange has the provider's numbers and their price."""
    charge = PriceBook.embedded().charge("openai", MODEL, {"input_tokens": 13, "output_tokens": 7}, at=now_ns())
    assert charge is not None
    found = [
        (event["response_model"], event["usage"]["input_tokens"], event["usage"]["output_tokens"], event["stream"])
        for event in events
    ]
    assert found == [(MODEL, 13, 7, True)] * CALLS
    assert [event["defects"] for event in events] == [[]] * CALLS
    assert {event["provenance"] for event in events} == {"reported"}
    assert {round(float(event["cost_usd"]) * 10**9) for event in events} == {charge.total_nano_usd}


@pytest.mark.timeout(120)
def test_curl(
    machines: TwoMachines,
    provider: UpstreamH2,
    certificate: ProviderCertificate,
    tracer: Tracer,
    find_application: Find,
    tmp_path: Path,
) -> None:
    app = find_application("curl")
    own_copy(machines.applications, library("libssl.so.3"), tmp_path)
    command = app.planned(tmp_path / "plan", [Call(URL, body(tmp_path / "body", stream=True), HEADERS)] * CALLS)

    with cgroup() as group:
        traced = tracer.run(command, trusting(tmp_path, certificate.root), machines.applications.inside, group=group)

    assert [line["protocol"] for line in traced.lines] == ["HTTP/2"] * CALLS
    check(traced.events)


@pytest.mark.timeout(120)
def test_go(
    machines: TwoMachines,
    provider: UpstreamH2,
    certificate: ProviderCertificate,
    tracer: Tracer,
    find_application: Find,
    tmp_path: Path,
) -> None:
    """All requests go over one connection."""
    app = find_application("go")
    plan = tmp_path / "plan"
    command = app.planned(plan, [Call(URL, body(tmp_path / "body", stream=True), HEADERS)] * CALLS)
    text = plan.read_text()
    plan.unlink()
    os.mkfifo(plan)

    traced = tracer.run(command, trusting(tmp_path, certificate.root), machines.applications.inside, plan=(plan, text))

    assert [line["protocol"] for line in traced.lines] == ["HTTP/2.0"] * CALLS
    assert provider.connections == 1
    check(traced.events)
