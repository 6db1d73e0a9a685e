"""From configuration and options to the plan of a process."""

from __future__ import annotations

from pathlib import Path

from tokmeter.cli.planning import sidecar, single_run
from tokmeter.config import Config, MetricsConfig, ProviderConfig, ProxyConfig

CONFIG = Config(
    service="checkout",
    store="sqlite:///var/lib/ledger.db",
    proxy=ProxyConfig(
        listen=("127.0.0.1:1", "[::1]:2"), mode="transparent", ca_dir="/etc/ca", upstream_ca="/etc/up.pem"
    ),
    metrics=MetricsConfig(listen="127.0.0.1:3"),
    providers=(ProviderConfig(host="API.OpenAI.com", connect_to="127.0.0.1:443"),),
)


def test_the_sidecar_follows_the_configuration() -> None:
    plan = sidecar(CONFIG, {}, mode=None, listen=(), metrics=None)

    assert plan.proxy.listen == (("127.0.0.1", 1), ("::1", 2))
    assert plan.proxy.mode == "transparent"
    assert plan.proxy.ca_dir == Path("/etc/ca")
    assert plan.proxy.upstream_ca == Path("/etc/up.pem")
    assert plan.proxy.connect_to == {"api.openai.com": "127.0.0.1:443"}
    assert plan.metrics == ("127.0.0.1", 3)
    assert plan.ledger == Path("/var/lib/ledger.db")
    assert plan.drain_s == 25.0


def test_options_win() -> None:
    plan = sidecar(CONFIG, {}, mode="regular", listen=("127.0.0.1:0",), metrics="127.0.0.1:0")

    assert (plan.proxy.mode, plan.proxy.listen, plan.metrics) == ("regular", (("127.0.0.1", 0),), ("127.0.0.1", 0))


def test_base_urls_may_name_the_providers_of_the_configuration() -> None:
    own = ProviderConfig(host="llm.internal:8000", dialect="openai", name="vllm", tls=False)

    plan = sidecar(Config(providers=(own,)), {}, mode="base-url", listen=(), metrics=None)

    assert plan.proxy.upstreams == {"vllm": "http://llm.internal:8000"}
    assert not plan.proxy.needs_authority
    assert sidecar(CONFIG, {}, mode=None, listen=(), metrics=None).proxy.needs_authority


def test_public_files_are_beside_the_private_authority() -> None:
    assert sidecar(CONFIG, {}, mode=None, listen=(), metrics=None).trust == Path("/etc/trust")


def test_a_run_is_for_this_machine_alone(tmp_path: Path) -> None:
    plan = single_run(CONFIG, {"XDG_STATE_HOME": str(tmp_path)}, process="app.py", budgets=[], metrics=None, sinks=[])

    assert plan.proxy.listen == (("127.0.0.1", 0),)
    assert plan.proxy.mode == "regular"
    assert plan.metrics is None


def test_without_a_configured_place_everything_is_the_user_s_own(tmp_path: Path) -> None:
    plan = single_run(Config(), {"XDG_STATE_HOME": str(tmp_path)}, process="x", budgets=[], metrics=None, sinks=[])

    assert plan.proxy.ca_dir == tmp_path / "tokmeter" / "ca"
    assert plan.trust == tmp_path / "tokmeter" / "trust"
    assert plan.ledger == tmp_path / "tokmeter" / "ledger.db"
