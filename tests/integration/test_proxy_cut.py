"""Cutting a stream: the provider stops, and the client never takes a part for the whole."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.proxied import call, client, post, proxied, reverse, run, whole
from tests.integration.scripted_meter import ScriptedCut, ScriptedExchange, ScriptedMeter, install
from tests.integration.upstream import event, upstream

METERED = ("127.0.0.1",)
LAST = b'data: {"error":"budget"}\n\n'


@pytest.fixture(autouse=True, params=["inline", "stock"])
def _scripted(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Everything holds with a mitmproxy whose source is not the known one, too."""
    install(monkeypatch)
    if request.param == "stock":
        monkeypatch.setattr("tokmeter.capture.proxy.probe.may_run_inline", lambda: False)


def _cut_after(needle: bytes, *, clean: bool, data: bytes = LAST) -> Callable[[ScriptedExchange, bytes], object]:
    def verdict(exchange: ScriptedExchange, _chunk: bytes) -> object:
        return ScriptedCut(data, clean) if needle in exchange.body else None

    return verdict


def test_a_clean_cut_ends_the_stream_properly_and_stops_the_provider(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_feed=_cut_after(event(2), clean=True))
        async with (
            upstream() as up,
            proxied(meter, tmp_path, mode=reverse(up)) as proxy,
            client(proxy) as (reader, writer),
        ):
            writer.write(post("/sse"))
            reply = await whole(reader)
            assert reply.ended == "complete"
            assert LAST in reply.raw
            up.release.set()
            await up.broken.wait()
            assert up.sent < 400
            writer.write(post("/json"))
            assert (await whole(reader)).status == 200
            await proxy.entry(2)
        assert meter.exchanges[0].closes == ["complete"]
        assert len(proxy.entries) == 2

    run(scenario())


@pytest.mark.parametrize("path", ["/sse", "/until-close"])
@pytest.mark.parametrize("uvloop", [True, False])
def test_an_unclean_cut_resets_the_client_and_stops_the_provider(tmp_path: Path, path: str, *, uvloop: bool) -> None:
    """An orderly end of a reply without a length looks like the whole reply."""

    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_feed=_cut_after(event(0), clean=False))
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            reply = await call(proxy, post(path))
            assert reply.ended == "reset"
            assert not reply.raw.endswith(b"0\r\n\r\n")
            up.release.set()
            await up.broken.wait()
            await proxy.entry()
        assert meter.exchanges[0].closes == ["complete"]

    run(scenario(), uvloop=uvloop)


def test_a_reply_of_declared_length_is_never_ended_cleanly_before_its_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_feed=_cut_after(b"", clean=True))
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            assert (await call(proxy, post("/big"))).ended == "reset"
            await proxy.entry()
        assert meter.exchanges[0].closes == ["complete"]

    run(scenario())


def test_a_cut_without_words_sends_no_empty_chunk(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(METERED, on_feed=_cut_after(event(2), clean=True, data=b""))
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            reply = await call(proxy, post("/sse"))
            assert reply.ended == "complete"
            assert reply.raw.count(b"\r\n0\r\n") == 1

    run(scenario())
