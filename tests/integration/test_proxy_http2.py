"""HTTP/2 clients: more parallel calls than mitmproxy's five, and cuts that leave the siblings alone."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.integration.client_h2 import client_h2
from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.proxied import proxied, run
from tests.integration.scripted_meter import ScriptedCut, ScriptedExchange, ScriptedMeter, ScriptedRefuse, install
from tests.integration.upstream import Received, Upstream, big, event, upstream
from tests.integration.upstream_h2 import upstream_h2
from tokmeter.capture.proxy import limits

METERED = "api.metered.test"
LAST = b'data: {"error":"budget"}\n\n'
PARALLEL = 12


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


def through(port: int, provider: ProviderCertificate) -> dict[str, Any]:
    return {"connect_to": {METERED: f"127.0.0.1:{port}"}, "upstream_ca": provider.root}


def test_many_parallel_calls_reach_a_provider_without_http2_at_once(tmp_path: Path) -> None:
    """mitmproxy stops at five upstream connections; here no reply comes before all requests have arrived."""
    arrived = 0

    async def together(up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == PARALLEL:
            up.release.set()
        await up.release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED)
        async with (
            upstream(provider.server(), {"/together": together}) as up,
            proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy,
            client_h2(proxy, METERED) as http,
        ):
            replies = [http.post("/together") for _ in range(PARALLEL)]
            for reply in replies:
                assert (await reply.whole()).body == b"ok"
            await proxy.entry(PARALLEL)
        assert all(exchange.closes == ["complete"] for exchange in meter.exchanges)

    run(scenario())


@pytest.mark.parametrize("clean", [True, False])
def test_a_cut_leaves_the_siblings_on_the_same_connections_alone(tmp_path: Path, *, clean: bool) -> None:
    def verdict(exchange: ScriptedExchange, _chunk: bytes) -> object:
        return ScriptedCut(LAST, clean) if exchange.request.path == "/cut" and event(2) in exchange.body else None

    async def scenario() -> None:
        meter = ScriptedMeter((METERED,), on_feed=verdict)
        provider = ProviderCertificate(tmp_path, METERED)
        async with (
            upstream_h2(provider.server("h2")) as up,
            proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy,
            client_h2(proxy, METERED) as http,
        ):
            sibling = http.post("/sse")
            await sibling.until(event(2))
            cut = await http.post("/cut").whole()
            assert cut.ended == ("complete" if clean else "reset")
            assert cut.body.endswith(LAST)
            await up.reset.wait()
            up.release.set()
            await sibling.whole()
            assert sibling.body == b"".join(event(number) for number in range(4))
            assert sibling.ended == "complete"
            assert (await http.post("/json").whole()).status == 200
            await proxy.entry(3)
            assert (len(up.resets), up.connections) == (1, 1)
        assert [exchange.closes for exchange in meter.exchanges] == [["complete"]] * 3

    run(scenario())


def test_a_refusal_reaches_an_http2_client_and_no_provider(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,), on_open=lambda _request: ScriptedRefuse())
        provider = ProviderCertificate(tmp_path, METERED)
        async with (
            upstream_h2(provider.server("h2")) as up,
            proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy,
            client_h2(proxy, METERED) as http,
        ):
            reply = await http.post("/json", b"x" * 50_000).whole()
            assert (reply.status, reply.body, reply.ended) == (429, ScriptedRefuse().body, "complete")
            assert up.connections == 0

    run(scenario())


def test_a_body_without_a_length_is_framed_for_a_provider_without_http2(tmp_path: Path) -> None:
    """Unframed, the body would be taken for the next request on a connection that others share."""
    smuggled = b"POST /json HTTP/1.1\r\nHost: upstream.test\r\nContent-Length: 0\r\n\r\n"

    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED)
        async with (
            upstream(provider.server()) as up,
            proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy,
            client_h2(proxy, METERED) as http,
        ):
            assert (await http.post("/echo", smuggled, sized=False).whole()).body == smuggled
            assert (await http.post("/json").whole()).status == 200
            assert [request.body for request in up.requests] == [smuggled, b"{}"]

    run(scenario())


def test_a_stream_that_its_client_resets_closes_once_and_stops_the_provider(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED)
        async with (
            upstream_h2(provider.server("h2")) as up,
            proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy,
            client_h2(proxy, METERED) as http,
        ):
            reply = http.post("/sse")
            await reply.until(event(2))
            http.reset(reply)
            await up.reset.wait()
            assert (await proxy.entry()).exchange.closes == ["client_gone"]
            assert (await http.post("/json").whole()).status == 200
            assert up.connections == 1

    run(scenario())


def test_a_client_that_goes_away_closes_all_its_exchanges_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED)
        async with (
            upstream_h2(provider.server("h2")) as up,
            proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy,
        ):
            async with client_h2(proxy, METERED) as http:
                for reply in [http.post("/sse"), http.post("/sse")]:
                    await reply.until(event(2))
            await proxy.entry(2)
        assert [exchange.closes for exchange in meter.exchanges] == [["client_gone"]] * 2

    run(scenario())


def test_a_large_reply_arrives_byte_for_byte(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED)
        async with (
            upstream(provider.server()) as up,
            proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy,
            client_h2(proxy, METERED) as http,
        ):
            reply = await http.post("/big").whole()
            assert reply.body == big(20_000_000)
            assert (await proxy.entry()).exchange.body == reply.body

    run(scenario())


def test_a_client_that_does_not_read_holds_up_the_provider(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """mitmproxy would take the whole reply into memory."""
    bound = 1_000_000
    monkeypatch.setattr(limits, "UNSENT_BYTES", bound)

    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED)
        async with (
            upstream(provider.server()) as up,
            proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy,
            client_h2(proxy, METERED) as http,
        ):
            http.hold()
            reply = http.post("/big")
            (connection,) = proxy.capture._metering.connections.values()
            while connection._room.is_set():  # noqa: ASYNC110 - set means room, and the wait is for its absence
                await asyncio.sleep(0)
            assert bound < len(meter.exchanges[0].body) < 2 * bound
            assert proxy.entries == []
            http.read_on()
            assert (await reply.whole()).body == big(20_000_000)
            await proxy.entry()

    run(scenario())
