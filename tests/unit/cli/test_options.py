"""What several commands ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokmeter.cli.options import configured_ledger, configured_listen, ledger_path, listen_address
from tokmeter.config import Config, ProxyConfig
from tokmeter.errors import ConfigError


def test_the_ledger_is_the_configured_one_or_the_user_s_own(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}

    assert configured_ledger(Config(), environ) == tmp_path / "tokmeter" / "ledger.db"
    assert configured_ledger(Config(store="sqlite:///var/lib/x.db"), environ) == Path("/var/lib/x.db")


def test_the_ledger_of_a_file_is_read_from_it(tmp_path: Path) -> None:
    file = tmp_path / "tokmeter.yaml"
    file.write_text("store: sqlite:///var/lib/x.db\n")

    assert ledger_path(file, {}) == Path("/var/lib/x.db")


def test_one_or_several_addresses_may_be_configured() -> None:
    assert configured_listen(Config(proxy=ProxyConfig(listen="[::1]:1"))) == ("[::1]:1",)
    assert configured_listen(Config(proxy=ProxyConfig(listen=("127.0.0.1:1", "[::1]:1")))) == ("127.0.0.1:1", "[::1]:1")


def test_port_zero_is_any_free_port() -> None:
    assert listen_address("[::1]:0", "--listen") == ("::1", 0)


@pytest.mark.parametrize("text", ["8080", "localhost", "http://127.0.0.1:80", "127.0.0.1:99999"])
def test_a_wrong_address_names_its_option(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        listen_address(text, "--metrics")

    assert caught.value.where == "--metrics"
