"""A configuration as text reads back as the same."""

from decimal import Decimal

from tokmeter.config import Config, ProviderConfig, RatesConfig, render
from tokmeter.config.document import parse
from tokmeter.config.load import check

WHOLE = """\
service: '1e3'
mode: 'off'
store: sqlite:///var/lib/tokmeter/ledger.db
budgets:
- name: a
  limit: {usd: 0.10, tokens: 7}
  window: {period: day, timezone: Europe/Berlin}
  scope: {service: '*', user: 'null', pod: é}
  alert_at: [0.5, 1]
policies:
  unpriced: {price_as: gpt-4o}
providers:
- {host: llm.internal:8000, dialect: openai, name: "012", rates: {input: 10000000.000000001, output: 0}}
proxy:
  listen: ['127.0.0.1:1', '[::1]:1']
  fail_closed: true
"""


def test_it_reads_back_as_the_same() -> None:
    config = check(parse(WHOLE, "f"))

    assert check(parse(render(config), "rendered")) == config
    assert render(check(parse(render(config), "rendered"))) == render(config)


def test_only_what_differs_from_the_defaults_is_stated() -> None:
    assert render(Config()) == "{}\n"
    assert render(Config(mode="shadow")) == "mode: shadow\n"


def test_amounts_are_exact() -> None:
    rates = RatesConfig(input=Decimal("0.000000001"), output=Decimal("1E+3"))

    text = render(Config(providers=(ProviderConfig(host="h:1", dialect="openai", name="n", rates=rates),)))

    assert "input: 0.000000001" in text
    assert "output: 1000" in text


def test_equal_configurations_have_the_same_text() -> None:
    one, other = (check(parse(WHOLE.replace("0.10", usd), "f")) for usd in ("0.10", "0.1"))

    assert one == other
    render.cache_clear()
    text = render(one)
    render.cache_clear()
    assert render(other) == text
