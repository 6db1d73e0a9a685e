"""Refusals: clean for the client, invisible to the provider, and safe for bodies of any size."""

from pathlib import Path
from typing import Any

import pytest

from tests.integration.proxied import call, client, post, proxied, reverse, run, whole
from tests.integration.scripted_meter import ScriptedMeter, ScriptedRefuse, install
from tests.integration.upstream import big, chunked, upstream

METERED = ("127.0.0.1",)
LARGE: dict[str, Any] = {"body_bytes_max": 100_000}


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


def _refuse(_request: Any) -> ScriptedRefuse:
    return ScriptedRefuse()


def _broken(_request: Any) -> None:
    raise ArithmeticError("the meter is broken")


def test_a_refusal_is_complete_and_the_provider_never_hears_of_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_open=_refuse)
        async with (
            upstream() as up,
            proxied(meter, tmp_path, mode=reverse(up)) as proxy,
            client(proxy) as (reader, writer),
        ):
            for _ in range(2):
                writer.write(post("/json"))
                reply = await whole(reader)
                assert (reply.status, reply.body) == (429, ScriptedRefuse().body)
                assert reply.raw.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
            assert up.connections == 0
        assert [entry.exchange.closes for entry in proxy.entries] == [["complete"], ["complete"]]
        assert all(exchange.chunks == [] for exchange in meter.exchanges)

    run(scenario())


def test_a_body_declared_too_large_passes_unread(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        body = big(500_000)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up), **LARGE) as proxy:
            assert (await call(proxy, post("/json", body))).status == 200
            assert (await proxy.entry()).exchange.request.body is None
        assert up.requests[0].body == body

    run(scenario())


def test_a_chunked_body_that_grows_too_large_passes_unread(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        body = big(500_000)
        head = b"POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up), **LARGE) as proxy:
            assert (await call(proxy, head + chunked(body[:90_000], body[90_000:]) + b"0\r\n\r\n")).status == 200
            assert (await proxy.entry()).exchange.request.body is None
        assert up.requests[0].body == body
        assert len(proxy.entries) == 1

    run(scenario())


@pytest.mark.parametrize("declared", [True, False])
def test_a_large_body_can_be_refused_without_hanging_the_client(tmp_path: Path, *, declared: bool) -> None:
    """A response together with a streamed request crashes mitmproxy and hangs the client."""

    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_open=_refuse)
        body = big(500_000)
        request = post("/json", body)
        if not declared:
            head = b"POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            request = head + chunked(body[:90_000], body[90_000:]) + b"0\r\n\r\n"
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up), **LARGE) as proxy:
            async with client(proxy) as (reader, writer):
                writer.write(request)
                assert (await whole(reader)).status == 429
                writer.write(post("/json"))
                assert (await whole(reader)).status == 429
            assert up.connections == 0
        assert [entry.exchange.closes for entry in proxy.entries] == [["complete"], ["complete"]]

    run(scenario())


def test_traffic_passes_when_the_meter_fails(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_open=_broken)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            assert (await call(proxy, post("/short"))).status == 200
        assert meter.unread == ["admission_failed"]
        assert proxy.entries == []

    run(scenario())


def test_traffic_is_refused_when_the_meter_fails_and_the_settings_say_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_open=_broken)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up), fail_closed=True) as proxy:
            reply = await call(proxy, post("/json"))
            assert (reply.status, reply.body) == (503, b"unmetered")
            assert up.connections == 0
        assert meter.unread == ["admission_failed"]

    run(scenario())
