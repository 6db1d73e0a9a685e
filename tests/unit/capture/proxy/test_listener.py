"""Addresses that are listened on, and those that a machine does not have."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path
from typing import Any

import pytest

from tokmeter.capture.proxy import ProxySettings
from tokmeter.capture.proxy.listener import Listener
from tokmeter.errors import TokmeterError


@pytest.fixture
def no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without IPv6."""
    real = asyncio.start_server

    async def start(accept: Any, host: str | None, port: int, **options: Any) -> Any:
        if host == "::1":
            raise OSError(errno.EADDRNOTAVAIL, "cannot assign")
        return await real(accept, host, port, **options)

    monkeypatch.setattr(asyncio, "start_server", start)


def listening(*places: str) -> Listener:
    async def accept(*_: object) -> None:
        pass

    return Listener(ProxySettings(ca_dir=Path(), listen=tuple((place, 0) for place in places)), accept)


@pytest.mark.usefixtures("no_ipv6")
async def test_the_other_family_is_left_out_where_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    both = listening("127.0.0.1", "::1")

    await both.open()

    assert [host for host, _ in both.addresses] == ["127.0.0.1"]
    assert "no IPv6 here" in caplog.text
    both.close()


@pytest.mark.usefixtures("no_ipv6")
@pytest.mark.parametrize("places", [("::1",), ("::1", "::1")])
async def test_a_proxy_without_any_address_does_not_start(places: tuple[str, ...]) -> None:
    with pytest.raises(TokmeterError, match="cannot listen"):
        await listening(*places).open()
