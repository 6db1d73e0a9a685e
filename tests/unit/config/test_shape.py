"""Unknown keys, missing keys and wrong types, each with its line and a way out."""

from decimal import Decimal

import pytest

from tokmeter.config.document import parse
from tokmeter.config.schema import ANNOUNCED, Config, PriceAs, ProxyConfig
from tokmeter.config.shape import config
from tokmeter.errors import ConfigError

BUDGET = "budgets:\n  - name: a\n    limit: {usd: 1}\n    window: {period: day}\n"


@pytest.mark.parametrize(
    ("text", "what", "where", "hint"),
    [
        ("servicee: x", "unknown key 'servicee'", "f:1, key servicee", "did you mean 'service'?"),
        ("quux: x", "unknown key 'quux'", "f:1, key quux", "known: service, mode, store"),
        (BUDGET + "    scop: {}", "unknown key 'scop'", "f:5, key budgets[0].scop", "'scope'"),
        (BUDGET.replace("usd", "eur"), "unknown key 'eur'", "f:3, key budgets[0].limit.eur", "usd, tokens, requests"),
        ("policies: {include_usage: ask}", "must be one of inject, leave", "f:1, key policies.include_usage", "leave"),
        ("policies: {unpriced: {price_s: a}}", "unknown key", "f:1, key policies.unpriced.price_s", "'price_as'"),
        ("service: 5", "service must be text, not 5", "f:1, key service", '"5"'),
        ("service: ''", "service must be text", "f:1, key service", "name"),
        ("service: [a]", "service must be text, not a list", "f:1, key service", "name"),
        ("mode: shadoww", "mode must be one of", "f:1, key mode", "'shadow'"),
        ("mode: true", "mode must be one of", "f:1, key mode", "known"),
        ("budgets: {a: 1}", "budgets must be a list", "f:1, key budgets", "- item"),
        ("budgets: [5]", "budgets[0] must be a mapping", "f:1, key budgets[0]", "keys: name, limit"),
        ("budgets:\n  - name: a\n    limit: {usd: 1}", "lacks 'window'", "f:2, key budgets[0]", "`window:`"),
        (BUDGET.replace("usd: 1", "usd: one"), "must be a number, not 'one'", "f:3, key budgets[0].limit.usd", "12.50"),
        (BUDGET.replace("usd: 1", "usd: '1'"), "must be a number, not '1'", "f:3, key budgets[0].limit.usd", "12.50"),
        (BUDGET.replace("usd: 1", "usd: $1"), "must be a number", "f:3, key budgets[0].limit.usd", "12.50"),
        (BUDGET.replace("usd: 1", "usd: true"), "must be a number, not true", "f:3, key budgets[0].limit.usd", ""),
        (BUDGET.replace("usd: 1", "tokens: 1.5"), "must be a whole number", "f:3, key budgets[0].limit.tokens", ""),
        (BUDGET.replace("usd: 1", "tokens: 1_000"), "not '1_000'", "f:3, key budgets[0].limit.tokens", "digits only"),
        (BUDGET.replace("day", "daily"), "must be one of", "f:4, key budgets[0].window.period", "'day'"),
        ("proxy: {fail_closed: yes}", "must be true or false, not 'yes'", "f:1, key proxy.fail_closed", "true or"),
        ("proxy: {listen: [1]}", "must be text, not 1", "f:1, key proxy.listen[0]", '"1"'),
        ("proxy: x", "proxy must be a mapping", "f:1, key proxy", "listen"),
    ],
)
def test_a_mistake_is_told_with_its_line_its_key_and_a_way_out(text: str, what: str, where: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config(parse(text, "f"))

    assert what in caught.value.what
    assert caught.value.where == where
    assert hint in (caught.value.hint or "")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("budget_store: redis://x", "budget_store"),
        (BUDGET + "    when_store_down: open", "when_store_down"),
        (BUDGET.replace("day", "day, rolling: true"), "rolling"),
        ("policies: {retries: {max: 3}}", "retries"),
    ],
)
def test_a_key_of_another_version_is_not_called_unknown(text: str, key: str) -> None:
    with pytest.raises(ConfigError, match=f"'{key}' has no effect in this version"):
        config(parse(text, "f"))


def test_announced_keys_are_not_already_there() -> None:
    assert not set(ANNOUNCED[""]) & set(Config.__struct_fields__)
    assert not set(ANNOUNCED["proxy"]) & set(ProxyConfig.__struct_fields__)


@pytest.mark.parametrize("text", ["", "proxy:\n", "budgets:\n", "policies:\nmetrics:\n", "service: ~"])
def test_what_is_not_said_has_its_default(text: str) -> None:
    assert config(parse(text, "f")) == Config()


def test_every_kind_of_value_arrives() -> None:
    text = (
        BUDGET
        + "    scope: {model: gpt-4o*}\n    alert_at: [0.5, 1]\n    mode: off\n"
        + "policies: {unpriced: {price_as: gpt-4o}}\nproxy: {listen: ['[::1]:1', '127.0.0.1:1'], drain_s: 2}\n"
    )

    found = config(parse(text, "f"))

    assert found.budgets[0].limit.usd == Decimal(1)
    assert found.budgets[0].scope.model == "gpt-4o*"
    assert found.budgets[0].alert_at == (Decimal("0.5"), Decimal(1))
    assert found.budgets[0].mode == "off"
    assert found.policies.unpriced == PriceAs(price_as="gpt-4o")
    assert found.proxy.listen == ("[::1]:1", "127.0.0.1:1")
    assert found.proxy.drain_s == Decimal(2)
