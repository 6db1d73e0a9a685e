"""The configuration in the core's types."""

import pytest

from tokmeter.config import core
from tokmeter.config.document import parse
from tokmeter.config.schema import MODES, Config, Mode
from tokmeter.config.shape import config

BUDGET = """
budgets:
  - name: a
    limit: {usd: 0.10, tokens: 5, requests: 6}
    scope: {model: gpt-4o*, user: "*"}
    window: {period: week, timezone: Asia/Kathmandu}
    alert_at: [0.5]
    mode: MODE
"""

ASKED = """
policies: {unknown_paths: refuse}
attribution: {users: plain}
"""


class Given:
    """Stands in for a class of the core and keeps what it was given."""

    def __init__(self, *positional: object, **named: object) -> None:
        self.positional = positional
        self.named = named


@pytest.fixture(autouse=True)
def _stand_ins(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("Budget", "HostRule", "Policies"):
        monkeypatch.setattr(f"tokmeter._core.{name}", Given)


def loaded(text: str) -> Config:
    return config(parse(text, "f"))


def given(made: object) -> Given:
    assert isinstance(made, Given)
    return made


def test_a_budget_arrives_exactly_as_written() -> None:
    (budget,) = core.meter_arguments(loaded(BUDGET.replace("MODE", "enforce"))).budgets

    assert given(budget).positional == ("a",)
    assert given(budget).named == {
        "scope": [("user", "*"), ("model", "gpt-4o*")],
        "period": "week",
        "usd": "0.10",
        "tokens": 5,
        "requests": 6,
        "timezone": "Asia/Kathmandu",
        "mode": "enforce",
        "alert_at": ["0.5"],
    }


@pytest.mark.parametrize("ceiling", MODES)
@pytest.mark.parametrize("own", MODES)
def test_the_gentler_of_two_modes_holds(ceiling: Mode, own: Mode) -> None:
    text = BUDGET.replace("MODE", own) + f"mode: {ceiling}\n"

    arguments = core.meter_arguments(loaded(text))

    assert given(arguments.budgets[0]).named["mode"] == MODES[min(MODES.index(ceiling), MODES.index(own))]
    assert given(arguments.policies).named["mode"] == ceiling


@pytest.mark.parametrize(
    ("text", "word"),
    [("", "allow"), ("policies: {unpriced: refuse}", "refuse"), ("policies: {unpriced: {price_as: m}}", "price_as:m")],
)
def test_the_policy_for_unpriced_models_is_one_word(text: str, word: str) -> None:
    assert given(core.meter_arguments(loaded(text)).policies).named["unpriced"] == word


@pytest.mark.parametrize(("text", "word"), [("", "leave"), ("policies: {include_usage: inject}", "inject")])
def test_the_policy_for_usage_that_is_not_asked_for_arrives(text: str, word: str) -> None:
    assert given(core.meter_arguments(loaded(text)).policies).named["include_usage"] == word


def test_paths_and_users_are_kept_as_asked() -> None:
    names = ("unknown_paths", "plain_users")
    default = given(core.meter_arguments(loaded("")).policies).named
    asked = given(core.meter_arguments(loaded(ASKED)).policies).named

    assert [default[name] for name in names] == ["allow", False]
    assert [asked[name] for name in names] == ["refuse", True]


def test_a_host_of_ones_own_is_a_rule_and_a_built_in_one_is_not() -> None:
    text = """
providers:
  - {host: "LLM.internal:8000", dialect: openai, name: vllm, rates: {input: 0.10, output: 1e-7}}
  - {host: "[::1]", dialect: anthropic, name: local}
  - {host: api.openai.com, connect_to: "127.0.0.1:9"}
"""

    first, second = core.meter_arguments(loaded(text)).hosts

    assert given(first).positional == ("llm.internal", "openai")
    assert given(first).named == {"port": 8000, "provider": "vllm", "rates": {"input": "0.10", "output": "0.0000001"}}
    assert given(second).positional == ("::1", "anthropic")
    assert given(second).named == {"port": None, "provider": "local", "rates": None}
    assert core.connect_to(loaded(text)) == {"api.openai.com": "127.0.0.1:9"}


def test_a_provider_with_a_name_and_one_host_can_be_named_by_a_base_url() -> None:
    text = """\
providers:
  - {host: "LLM.internal:8000", dialect: openai, name: vllm, tls: false}
  - {host: gateway.corp, dialect: openai, name: openai}
  - {host: "spare.internal:8000", dialect: openai, name: vllm}
  - {host: "[::1]", dialect: anthropic, name: local}
  - {host: .corp, dialect: openai, name: many}
  - {host: own.corp, dialect: openai, name: corp/own}
  - {host: api.openai.com, connect_to: "127.0.0.1:9"}
"""

    assert core.upstreams(loaded(text)) == {
        "vllm": "http://llm.internal:8000",
        "openai": "https://gateway.corp",
        "local": "https://[::1]",
    }


def test_what_the_core_refuses_keeps_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("no such period")

    monkeypatch.setattr("tokmeter._core.Budget", refuse)

    with pytest.raises(core.RefusedError, match="no such period") as caught:
        core.meter_arguments(loaded(BUDGET.replace("MODE", "off")))

    assert caught.value.key == ("budgets", 0)
