"""HTTP/2 clients: more parallel calls than mitmproxy's five, and cuts that leave the siblings alone."""

import asyncio
import contextlib
import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.proxied import Proxied, proxied, run
from tests.integration.scripted_meter import ScriptedCut, ScriptedExchange, ScriptedMeter, ScriptedRefuse, install
from tests.integration.upstream import Received, Upstream, event, upstream
from tests.integration.upstream_h2 import upstream_h2

METERED = "api.metered.test"
LAST = b'data: {"error":"budget"}\n\n'
PARALLEL = 12


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


class _PrefersHttp2(ssl.SSLContext):
    """httpx offers HTTP/1.1 first, and the proxy takes the client's first choice. Go and browsers offer HTTP/2 first."""

    def set_alpn_protocols(self, alpn_protocols: Iterable[str]) -> None:
        super().set_alpn_protocols(sorted(alpn_protocols))


def http2_client(proxy: Proxied) -> httpx.AsyncClient:
    """A client that speaks HTTP/2 through the proxy."""
    context = _PrefersHttp2(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=proxy.capture.authority.root_pem.decode())
    return httpx.AsyncClient(
        http2=True,
        verify=context,
        proxy=f"http://{proxy.host}:{proxy.port}",
        trust_env=False,
        timeout=None,
    )


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
        async with upstream(provider.server(), {"/together": together}) as up:
            async with proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy, http2_client(proxy) as http:
                replies = await asyncio.gather(*(http.post(f"https://{METERED}/together") for _ in range(PARALLEL)))
                assert [(reply.http_version, reply.content) for reply in replies] == [("HTTP/2", b"ok")] * PARALLEL
                await proxy.entry(PARALLEL)
        assert all(exchange.closes == ["complete"] for exchange in meter.exchanges)

    run(scenario())


def _cut(exchange: ScriptedExchange, _chunk: bytes, *, clean: bool) -> object:
    return ScriptedCut(LAST, clean) if "cut" in exchange.request.path and event(2) in exchange.body else None


@pytest.mark.parametrize("clean", [True, False])
def test_a_cut_leaves_the_siblings_on_the_same_connections_alone(tmp_path: Path, *, clean: bool) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,), on_feed=lambda exchange, chunk: _cut(exchange, chunk, clean=clean))
        provider = ProviderCertificate(tmp_path, METERED)
        async with upstream_h2(provider.server("h2")) as up:
            async with proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy, http2_client(proxy) as http:
                async with http.stream("POST", f"https://{METERED}/sse") as sibling:
                    received = sibling.aiter_raw()
                    seen = await anext(received)
                    if clean:
                        cut = await http.post(f"https://{METERED}/cut")
                        assert cut.content.endswith(LAST)
                    else:
                        with pytest.raises(httpx.RemoteProtocolError):
                            await http.post(f"https://{METERED}/cut")
                    await up.reset.wait()
                    up.release.set()
                    async for piece in received:
                        seen += piece
                assert seen == b"".join(event(number) for number in range(4))
                assert (await http.post(f"https://{METERED}/json")).http_version == "HTTP/2"
                await proxy.entry(3)
            assert len(up.resets) == 1
            assert up.connections == 1
        assert [exchange.closes for exchange in meter.exchanges] == [["complete"]] * 3

    run(scenario())


def test_a_refusal_reaches_an_http2_client_and_no_provider(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,), on_open=lambda _request: ScriptedRefuse())
        provider = ProviderCertificate(tmp_path, METERED)
        async with upstream_h2(provider.server("h2")) as up:
            async with proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy, http2_client(proxy) as http:
                reply = await http.post(f"https://{METERED}/json", content=b"x" * 100_000)
                assert (reply.status_code, reply.content) == (429, ScriptedRefuse().body)
            assert up.connections == 0

    run(scenario())


def test_an_http2_client_that_goes_away_closes_all_its_exchanges_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED)
        async with upstream_h2(provider.server("h2")) as up:
            async with proxied(meter, tmp_path / "ca", **through(up.port, provider)) as proxy:
                async with http2_client(proxy) as http, contextlib.AsyncExitStack() as streams:
                    for _ in range(2):
                        reply = await streams.enter_async_context(http.stream("POST", f"https://{METERED}/sse"))
                        await anext(reply.aiter_raw())
                    await http.aclose()
                await proxy.entry(2)
        assert [exchange.closes for exchange in meter.exchanges] == [["client_gone"]] * 2

    run(scenario())
