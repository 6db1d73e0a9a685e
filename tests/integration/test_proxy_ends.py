"""Every end of life closes an exchange once: completion, either side going away, failures inside, shutdown."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.integration.proxied import call, client, post, proxied, reverse, run, whole
from tests.integration.scripted_meter import ScriptedExchange, ScriptedMeter, install
from tests.integration.upstream import event, upstream
from tokmeter.capture.proxy import ProxyCapture, ProxySettings
from tokmeter.errors import TokmeterError

METERED = ("127.0.0.1",)


@pytest.fixture(autouse=True, params=["inline", "stock"])
def _scripted(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Everything holds with a mitmproxy whose source is not the known one, too."""
    install(monkeypatch)
    if request.param == "stock":
        monkeypatch.setattr("tokmeter.capture.proxy.probe.may_run_inline", lambda: False)


@pytest.mark.parametrize("uvloop", [True, False])
def test_a_client_that_goes_away_closes_once_and_stops_the_provider(tmp_path: Path, *, uvloop: bool) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            async with client(proxy) as (reader, writer):
                writer.write(post("/sse"))
                await reader.readuntil(event(2))
            entry = await proxy.entry()
            up.release.set()
            await up.broken.wait()
        assert entry.reason == "client_gone"
        assert event(2) in entry.exchange.body
        assert entry.exchange.closes == ["client_gone"]

    run(scenario(), uvloop=uvloop)


def test_a_client_that_goes_away_before_any_byte_closes_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            async with client(proxy) as (_reader, writer):
                writer.write(post("/silent"))
                await up.started.wait()
            assert (await proxy.entry()).exchange.closes == ["client_gone"]

    run(scenario())


def test_a_provider_that_goes_away_closes_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            reply = await call(proxy, post("/drop"))
            assert reply.ended != "complete"
            entry = await proxy.entry()
        assert entry.exchange.body == event(0) + event(1)
        assert entry.exchange.closes == ["upstream_gone"]

    run(scenario())


def test_a_provider_that_cannot_be_reached_closes_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up:
            mode = reverse(up)
        async with proxied(meter, tmp_path, mode=mode) as proxy:
            assert (await call(proxy, post("/json"))).status == 502
            assert (await proxy.entry()).exchange.closes == ["upstream_gone"]

    run(scenario())


def test_a_failing_tap_loses_no_byte(tmp_path: Path) -> None:
    def broken(exchange: ScriptedExchange, _chunk: bytes) -> object:
        if event(1) in exchange.body:
            raise ArithmeticError("the meter is broken")
        return None

    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_feed=broken)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            reply = await call(proxy, post("/short"))
            assert reply.ended == "complete"
            assert [event(number) in reply.raw for number in range(3)] == [True, True, True]
            entry = await proxy.entry()
        assert meter.unread == ["tap_failed"]
        assert entry.exchange.closes == ["failed"]

    run(scenario())


def test_a_failing_tap_ends_the_reply_when_the_settings_say_closed(tmp_path: Path) -> None:
    def broken(_exchange: ScriptedExchange, _chunk: bytes) -> object:
        raise ArithmeticError("the meter is broken")

    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_feed=broken)
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up), fail_closed=True) as proxy:
            assert (await call(proxy, post("/sse"))).ended == "reset"
            up.release.set()
            await up.broken.wait()
            assert (await proxy.entry()).exchange.closes == ["failed"]

    run(scenario())


def test_a_failing_ledger_does_not_touch_the_reply(tmp_path: Path) -> None:
    def failing(_entry: object) -> None:
        raise OSError("disk full")

    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with upstream() as up, proxied(meter, tmp_path, sink=failing, mode=reverse(up)) as proxy:
            assert (await call(proxy, post("/json"))).status == 200
            assert (await call(proxy, post("/json"))).status == 200
        assert meter.unread == ["sink_failed", "sink_failed"]

    run(scenario())


def test_draining_lets_an_open_stream_finish_and_refuses_new_connections(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with (
            upstream() as up,
            proxied(meter, tmp_path, mode=reverse(up)) as proxy,
            client(proxy) as (reader, writer),
        ):
            writer.write(post("/sse"))
            await reader.readuntil(event(2))
            draining = asyncio.create_task(proxy.capture.drain(10.0))
            await asyncio.sleep(0)
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(proxy.host, proxy.port)
            up.release.set()
            assert (await reader.read(-1)).endswith(b"0\r\n\r\n")
            await draining
        assert meter.exchanges[0].closes == ["complete"]

    run(scenario())


def test_while_draining_a_connection_ends_with_its_last_exchange(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with (
            upstream() as up,
            proxied(meter, tmp_path, mode=reverse(up)) as proxy,
            client(proxy) as (_reader, slow_writer),
            client(proxy) as (reader, writer),
        ):
            slow_writer.write(post("/silent"))
            await up.started.wait()
            draining = asyncio.create_task(proxy.capture.drain(3600.0))
            writer.write(post("/json"))
            assert (await reader.read(-1)).endswith(b'{"ok":true}')
            assert not draining.done()
            slow_writer.close()
            await draining

    run(scenario())


def test_draining_closes_what_outlives_the_grace(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with (
            upstream() as up,
            proxied(meter, tmp_path, mode=reverse(up)) as proxy,
            client(proxy) as (reader, writer),
        ):
            writer.write(post("/sse"))
            await reader.readuntil(event(2))
            await proxy.capture.drain(0.0)
            await reader.read(-1)
        assert meter.exchanges[0].closes == ["shutdown"]
        assert len(proxy.entries) == 1

    run(scenario())


def test_draining_does_not_wait_for_idle_connections(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        async with (
            upstream() as up,
            proxied(meter, tmp_path, mode=reverse(up)) as proxy,
            client(proxy) as (reader, writer),
        ):
            writer.write(post("/json"))
            await whole(reader)
            await proxy.capture.drain(3600.0)
            assert await reader.read(-1) == b""

    run(scenario())


def test_an_address_in_use_is_an_error_with_its_name(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter: Any = ScriptedMeter(METERED)
        async with upstream() as up:
            settings = ProxySettings(ca_dir=tmp_path, listen=(("127.0.0.1", 0), (up.host, up.port)))
            capture = ProxyCapture(meter, None, settings, lambda _entry: None, lambda: 0)  # type: ignore[arg-type]
            with pytest.raises(TokmeterError) as raised:
                await capture.start()
            assert raised.value.where == f"{up.host}:{up.port}"
            assert raised.value.hint is not None

    run(scenario())


def test_several_addresses_serve(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED)
        listen = (("127.0.0.1", 0), ("::1", 0))
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up), listen=listen) as proxy:
            addresses = proxy.capture._listener.addresses
            for host, port in addresses:
                proxy.host, proxy.port = host, port
                assert (await call(proxy, post("/json"))).status == 200
            assert len(addresses) == 2

    run(scenario())
