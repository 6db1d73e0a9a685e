"""Ordinary traffic through the proxy: bytes in equal bytes out, and the meter sees all of them."""

import asyncio
from pathlib import Path

import pytest

from tests.integration.proxied import call, client, post, proxied, reverse, run, whole
from tests.integration.scripted_meter import ScriptedMeter, install
from tests.integration.upstream import big, chunked, event, upstream

METERED = ("127.0.0.1",)


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.mark.parametrize("uvloop", [True, False])
def test_a_reply_reaches_client_and_meter_and_is_closed_once(tmp_path: Path, *, uvloop: bool) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            reply = await call(proxy, post("/json", b'{"model":"m"}'))
            assert (reply.status, reply.body) == (200, b'{"ok":true}')
            entry = await proxy.entry()
        assert entry.exchange.request.body == b'{"model":"m"}'
        assert entry.exchange.request.path == "/json"
        assert entry.exchange.status == 200
        assert entry.exchange.body == b'{"ok":true}'
        assert entry.exchange.closes == ["complete"]
        assert proxy.entries == [entry]
        assert meter.unread == []

    run(scenario(), uvloop=uvloop)


@pytest.mark.parametrize("path", ["/gzip", "/short", "/big"])
def test_bodies_arrive_byte_for_byte(tmp_path: Path, path: str) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            straight_reader, straight_writer = await asyncio.open_connection(up.host, up.port, limit=1 << 25)
            straight_writer.write(post(path))
            straight = await whole(straight_reader)
            straight_writer.close()
            through = await call(proxy, post(path))
            await proxy.entry()
        assert _unchunked(through.body) == _unchunked(straight.body)
        assert meter.exchanges[0].body == _unchunked(straight.body)
        assert through.ended == "complete"

    run(scenario())


def _unchunked(body: bytes) -> bytes:
    """The payload of a chunked body of this file's upstream; other bodies as they are."""
    if not body.endswith(b"\r\n0\r\n\r\n"):
        return body
    payload, rest = b"", body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        if size == b"0":
            return payload
        payload, rest = payload + rest[: int(size, 16)], rest[int(size, 16) + 2 :]


def test_a_request_body_arrives_byte_for_byte_in_both_framings(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        body = big(3_000_000)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            await call(proxy, post("/echo", body))
            head = b"POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            await call(proxy, head + chunked(body[:70_000], body[70_000:]) + b"0\r\n\r\n")
            await proxy.entry(2)
        assert [request.body == body for request in up.requests] == [True, True]
        assert [exchange.request.body == body for exchange in meter.exchanges] == [True, True]

    run(scenario())


def test_the_first_event_is_not_held_back(tmp_path: Path) -> None:
    """Without a tap on every reply mitmproxy buffers a stream to its end; this one ends after its start was seen."""

    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with (
            upstream() as up,
            proxied(meter, tmp_path, mode=reverse(up)) as proxy,
            client(proxy) as (reader, writer),
        ):
            writer.write(post("/sse"))
            await reader.readuntil(event(2))
            assert not up.release.is_set()

    run(scenario())


def test_requests_follow_each_other_on_one_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with (
            upstream() as up,
            proxied(meter, tmp_path, mode=reverse(up)) as proxy,
            client(proxy) as (reader, writer),
        ):
            for path in ("/json", "/short", "/gzip", "/json"):
                writer.write(post(path))
                assert (await whole(reader)).status == 200
            await proxy.entry(4)
            assert up.connections == 1

    run(scenario())


def test_response_trailers_pass_instead_of_hanging_the_client(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            reply = await call(proxy, post("/trailers"))
            assert reply.raw.endswith(b"2\r\nok\r\n0\r\nx-t: 1\r\n\r\n")
            assert (await proxy.entry()).exchange.closes == ["complete"]

    run(scenario())


def test_request_trailers_pass(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            head = b"POST /json HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            reply = await call(proxy, head + chunked(b"{}") + b"0\r\nx-sum: 7\r\n\r\n")
            assert reply.status == 200
            assert up.requests[0].trailers == b"x-sum: 7\r\n"

    run(scenario())


def test_a_head_without_end_is_not_collected_for_ever(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            assert (await call(proxy, post("/endless-head"))).status == 502
            assert (await proxy.entry()).reason == "upstream_gone"
            async with client(proxy) as (reader, writer):
                writer.write(b"POST / HTTP/1.1\r\nX: ")
                while not reader.at_eof() and not writer.is_closing():
                    writer.write(b"a" * 65_536)
                    try:
                        await writer.drain()
                        await asyncio.sleep(0)
                    except ConnectionError:
                        break

    run(scenario())


def test_a_reply_does_not_lead_clients_around_the_proxy(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            head = (await call(proxy, post("/alt-svc"))).raw.lower()
            assert b"alt-svc" not in head
            assert b"x-kept: 1" in head

    run(scenario())


def test_other_hosts_stream_in_both_directions_and_are_not_metered(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(("api.openai.com",))
        async with upstream() as up, proxied(meter, tmp_path) as proxy, client(proxy) as (reader, writer):
            writer.write(post(f"http://{up.host}:{up.port}/sse"))
            await reader.readuntil(event(2))
            writer.close()
        assert meter.exchanges == []
        assert proxy.entries == []

    run(scenario())


def test_absolute_requests_to_a_metered_host_are_metered(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path) as proxy:
            assert (await call(proxy, post(f"http://{up.host}:{up.port}/json"))).body == b'{"ok":true}'
            assert (await proxy.entry()).exchange.request.port == up.port

    run(scenario())


def test_the_proxy_does_not_connect_to_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with proxied(meter, tmp_path) as proxy:
            assert (await call(proxy, post(f"http://{proxy.host}:{proxy.port}/json"))).status == 502

    run(scenario())
