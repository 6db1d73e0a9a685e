"""From a file to a configuration that the core accepts."""

from decimal import Decimal
from pathlib import Path

import pytest

from tokmeter.config import Config, connect_to, load, meter_arguments
from tokmeter.errors import ConfigError

WHOLE = """
service: checkout
mode: shadow
store: sqlite:///var/lib/tokmeter/ledger.db
budgets:
  - name: checkout-daily
    scope: {service: checkout, model: "gpt-4o*"}
    limit: {usd: 50}
    window: {period: day, timezone: Europe/Berlin}
    alert_at: [0.5, 0.8]
    on_exceed: refuse
    mode: enforce
policies:
  unpriced: refuse
providers:
  - {host: llm.internal:8000, dialect: openai, name: vllm, rates: {input: 0.10, output: 0.30}}
  - {host: API.openai.com, connect_to: "127.0.0.1:9"}
"""


def test_without_a_file_everything_has_its_default() -> None:
    assert load(None) == Config()


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "tokmeter.yaml"
    path.touch()

    assert load(path) == Config()


def test_a_whole_file_arrives(tmp_path: Path) -> None:
    path = tmp_path / "tokmeter.yaml"
    path.write_text(WHOLE)

    config = load(path)

    assert config.service == "checkout"
    assert config.budgets[0].limit.usd == Decimal(50)
    assert config.budgets[0].window.timezone == "Europe/Berlin"
    assert config.providers[0].rates is not None
    assert str(config.providers[0].rates.input) == "0.10"
    assert connect_to(config) == {"api.openai.com": "127.0.0.1:9"}
    arguments = meter_arguments(config)
    assert (len(arguments.budgets), len(arguments.hosts)) == (1, 1)


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        (WHOLE.replace("service: checkout, ", "service: 'a*b', "), "not usable", "5, key budgets[0]"),
        (WHOLE.replace("API.openai.com", "api.opnai.com"), "nothing is metered", "16, key providers[1].host"),
    ],
)
def test_what_only_the_core_can_tell_is_told_with_its_line(tmp_path: Path, text: str, what: str, where: str) -> None:
    path = tmp_path / "tokmeter.yaml"
    path.write_text(text.removeprefix("\n"))

    with pytest.raises(ConfigError, match=what) as caught:
        load(path)

    assert caught.value.where == f"{path}:{where}"


def test_a_text_in_the_environment_is_read_where_there_is_no_file(tmp_path: Path) -> None:
    environ = {"TOKMETER_CONFIGURATION": "service: beside\n"}
    path = tmp_path / "tokmeter.yaml"
    path.write_text("service: file\n")

    assert load(None, environ).service == "beside"
    assert load(path, environ).service == "file"
    assert load(None, {"TOKMETER_CONFIGURATION": ""}) == Config()


def test_a_mistake_in_the_environment_names_the_variable() -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {"TOKMETER_CONFIGURATION": "service: a\nbudget: []\n"})

    assert caught.value.where == "TOKMETER_CONFIGURATION:2, key budget"
