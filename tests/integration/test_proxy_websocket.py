"""Connections that leave HTTP: messages pass and are forgotten, the exchange is closed once. What the core reads, it is told
in both directions and may cut; the rest is counted as unread."""

import asyncio
import gc
import struct
from pathlib import Path

import pytest
from mitmproxy.tcp import TCPMessage

from tests.integration.proxied import Proxied, client, proxied, reverse, run
from tests.integration.scripted_meter import ScriptedCut, ScriptedMeter, install
from tests.integration.upstream import Received, Upstream, switching, upstream

METERED = ("127.0.0.1",)
MESSAGES = 40
FRAME = b"\x82\x7e" + struct.pack(">H", 60_000) + b"x" * 60_000
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
CLOSE = b"\x88\x82\x00\x00\x00\x00\x03\xe8"


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


async def _serve(up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(switching(request))
    for _ in range(MESSAGES):
        writer.write(FRAME)
        await writer.drain()
    await up.release.wait()


async def _receive_all(proxy: Proxied, up: Upstream) -> None:
    async with client(proxy) as (reader, writer):
        writer.write(UPGRADE)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        received = await reader.readexactly(MESSAGES * len(FRAME))
        assert received == FRAME * MESSAGES
        assert sum(isinstance(thing, TCPMessage) for thing in gc.get_objects()) <= 2
        writer.write(CLOSE)
        up.release.set()


def test_messages_pass_and_are_not_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream(routes={"/ws": _serve}) as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            await _receive_all(proxy, up)
            await proxy.entry()
        assert meter.unread == ["upgraded"]
        assert meter.exchanges[0].closes == ["complete"]
        assert meter.exchanges[0].status == 101

    run(scenario())


def test_an_upgrade_is_refused_when_the_settings_say_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream(routes={"/ws": _serve}) as up:
            closed = proxied(meter, tmp_path, mode=reverse(up), fail_closed=True)
            async with closed as proxy, client(proxy) as (reader, writer):
                writer.write(UPGRADE)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 503 ")
            assert up.connections == 0
        assert meter.exchanges[0].closes == ["failed"]

    run(scenario())


def test_a_session_is_told_in_both_directions(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED, reads_sessions=True)
        async with upstream(routes={"/ws": _serve}) as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            await _receive_all(proxy, up)
            await proxy.entry()
        (exchange,) = meter.exchanges
        assert (exchange.body, b"".join(exchange.said)) == (FRAME * MESSAGES, CLOSE)
        assert (exchange.closes, meter.unread) == (["complete"], [])

    run(scenario())


def test_a_session_that_is_cut_gets_its_last_words_and_nothing_more(tmp_path: Path) -> None:
    words = b"\x81\x02no\x88\x02\x03\xf0"

    async def scenario() -> None:
        meter = ScriptedMeter(METERED, reads_sessions=True, on_feed=lambda *_: ScriptedCut(words, clean=True))
        async with upstream(routes={"/ws": _serve}) as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            async with client(proxy) as (reader, writer):
                writer.write(UPGRADE)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
                assert await reader.read() == words
                writer.write(CLOSE)
            await proxy.entry()
            up.release.set()
        (exchange,) = meter.exchanges
        assert (len(exchange.chunks), exchange.said, exchange.closes) == (1, [], ["complete"])

    run(scenario())


def test_a_session_that_is_read_is_admitted_when_the_settings_say_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED, reads_sessions=True)
        async with upstream(routes={"/ws": _serve}) as up:
            closed = proxied(meter, tmp_path, mode=reverse(up), fail_closed=True)
            async with closed as proxy:
                await _receive_all(proxy, up)
                await proxy.entry()
        assert meter.exchanges[0].closes == ["complete"]

    run(scenario())
