"""Connections that leave HTTP: messages pass and are forgotten, the exchange is counted as unread and closed once."""

import asyncio
import base64
import gc
import hashlib
import struct
from pathlib import Path

import pytest
from mitmproxy.tcp import TCPMessage

from tests.integration.proxied import Proxied, client, proxied, reverse, run
from tests.integration.scripted_meter import ScriptedMeter, install
from tests.integration.upstream import Received, Upstream, upstream

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
    key = request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accept = base64.b64encode(hashlib.sha1(key.encode(), usedforsecurity=False).digest())
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
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
