"""Settings that cannot work are refused before anything starts."""

from pathlib import Path

import pytest
from mitmproxy.proxy import mode_specs

from tokmeter.capture.proxy.settings import ProxySettings, split_address
from tokmeter.errors import ConfigError


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("regular", mode_specs.RegularMode),
        ("transparent", mode_specs.TransparentMode),
        ("reverse:https://api.openai.com", mode_specs.ReverseMode),
        ("reverse:http://127.0.0.1:8000", mode_specs.ReverseMode),
        ("base-url", mode_specs.ReverseMode),
    ],
)
def test_modes(mode: str, kind: type[mode_specs.ProxyMode]) -> None:
    assert isinstance(ProxySettings(ca_dir=Path(), mode=mode).proxy_mode(), kind)


@pytest.mark.parametrize(
    "mode",
    [
        "",
        "socks5",
        "local",
        "regular:x",
        "regular@9",
        "base-url:x",
        "reverse",
        "reverse:",
        "reverse:ftp://x",
        "reverse:https://x@9",
        "reverse:https://",
    ],
)
def test_other_modes_are_refused(mode: str) -> None:
    with pytest.raises(ConfigError):
        ProxySettings(ca_dir=Path(), mode=mode)


def test_nowhere_to_listen_is_refused() -> None:
    with pytest.raises(ConfigError):
        ProxySettings(ca_dir=Path(), listen=())


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:1", ("127.0.0.1", 1)), ("[::1]:65535", ("::1", 65_535)), ("host:80", ("host", 80))],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert split_address(text, what="it") == address


@pytest.mark.parametrize("text", ["", "host", ":80", "host:", "host:0", "host:65536", "host:-1", "host:٣", "[]:80"])
def test_other_addresses_are_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match="connect_to of x"):
        ProxySettings(ca_dir=Path(), connect_to={"x": text})
