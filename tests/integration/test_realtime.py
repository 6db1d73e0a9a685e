"""Realtime sessions behind TLS, with the real meter: read in both directions, charged, and ended by their budget."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.proxied import Proxied, proxied, run
from tests.integration.test_proxy_tls import trusting, tunnel
from tests.integration.upstream import Received, Upstream, switching, upstream
from tokmeter._core import Attribution, Budget, Meter, PriceBook

HOST = "api.openai.com"
PATH = "/v1/realtime"
WHO = Attribution(service="voice")
UPGRADE = (
    f"GET {PATH}?model=gpt-realtime HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
).encode()
CREATE = b"\x81\x9a\x00\x00\x00\x00" + b'{"type":"response.create"}'
CLOSE = b"\x88\x82\x00\x00\x00\x00\x03\xe8"


def _frame(message: object) -> bytes:
    text = json.dumps(message).encode()
    return b"\x81\x7e" + len(text).to_bytes(2, "big") + text


def _done() -> bytes:
    usage = {"input_tokens": 1000, "output_tokens": 500, "total_tokens": 1500}
    details = {"output_token_details": {"text_tokens": 0, "audio_tokens": 500}}
    return _frame({"type": "response.done", "response": {"id": "resp_1", "usage": usage | details}})


async def _once(up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(switching(request) + _done())
    await up.release.wait()


async def _on_and_on(up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
    """Responses until nobody reads them."""
    writer.write(switching(request))
    while True:
        writer.write(_done())
        await writer.drain()
        up.sent += 1
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def _session(
    meter: Meter, directory: Path, up: Upstream, provider: ProviderCertificate
) -> AsyncIterator[tuple[Proxied, asyncio.StreamReader, asyncio.StreamWriter]]:
    """A session that the provider has agreed to."""
    places = {HOST: f"{up.host}:{up.port}"}
    proxy = proxied(meter, directory / "ca", who=WHO, connect_to=places, upstream_ca=provider.root)
    async with (
        proxy as running,
        tunnel(running, HOST, trusting(running.capture.authority.root_pem)) as (reader, writer),
    ):
        writer.write(UPGRADE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        yield running, reader, writer


def test_a_session_is_charged_for_what_its_responses_state(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider = ProviderCertificate(tmp_path, HOST)
        meter = Meter(price_book=PriceBook.embedded(), seed=bytes(16))
        async with (
            upstream(provider.server(), routes={PATH: _once}) as up,
            _session(meter, tmp_path, up, provider) as (proxy, reader, writer),
        ):
            writer.write(CREATE)
            assert await reader.readexactly(len(_done())) == _done()
            writer.write(CLOSE)
            up.release.set()
            writer.close()
            entry = await proxy.entry()
        assert (entry.operation, entry.status, entry.outcome, entry.stream) == ("realtime", 101, "ok", True)
        assert (entry.usage["input_tokens"], entry.usage["audio_output_tokens"]) == (1000, 500)
        # 1000 at 4 USD a million and 500 at 64.
        assert (entry.cost_nano_usd, entry.provenance, entry.defects) == (36_000_000, "reported", [])

    run(scenario())


def test_a_session_over_budget_is_ended_and_the_provider_stops(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider = ProviderCertificate(tmp_path, HOST)
        cap = Budget("voice-total", scope=[("service", "voice")], period="total", usd="1")
        meter = Meter(price_book=PriceBook.embedded(), budgets=[cap], seed=bytes(16))
        async with (
            upstream(provider.server(), routes={PATH: _on_and_on}) as up,
            _session(meter, tmp_path, up, provider) as (proxy, reader, writer),
        ):
            received = await reader.read(-1)
            entry = await proxy.entry()
            writer.close()
            await up.broken.wait()
        whole, _, words = received.rpartition(_done())
        assert whole == _done() * (len(whole) // len(_done()))
        assert b'"insufficient_quota"' in words
        assert b"\x03\xf0" in words
        assert (entry.outcome, entry.decision, entry.budget) == ("cut", "cut", "voice-total")
        # One response costs 0.036.
        assert 0.9e9 < entry.cost_nano_usd < 1.1e9

    run(scenario())
