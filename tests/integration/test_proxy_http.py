"""Ordinary traffic through the proxy: bytes in equal bytes out, and the meter sees all of them."""

from pathlib import Path

import pytest

from tests.integration.proxied import call, post, proxied, reverse, run
from tests.integration.scripted_meter import ScriptedMeter, install
from tests.integration.upstream import upstream


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.mark.parametrize("uvloop", [True, False])
def test_a_reply_reaches_client_and_meter_and_is_closed_once(tmp_path: Path, *, uvloop: bool) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter(("127.0.0.1",))
        async with upstream() as up, proxied(meter, tmp_path, mode=reverse(up)) as proxy:
            reply = await call(proxy, post("/json", b'{"model":"m"}'))
            assert (reply.status, reply.body) == (200, b'{"ok":true}')
            entry = await proxy.entry()
        assert entry.exchange.request.body == b'{"model":"m"}'
        assert entry.exchange.status == 200
        assert entry.exchange.body == b'{"ok":true}'
        assert entry.exchange.closes == ["complete"]
        assert proxy.entries == [entry]
        assert meter.unread == []

    run(scenario(), uvloop=uvloop)
