"""Values of the right type that cannot be meant."""

import pytest

from tokmeter.config.document import parse
from tokmeter.config.rules import check, mistakes
from tokmeter.config.schema import Config
from tokmeter.config.shape import config
from tokmeter.errors import ConfigError

BUDGET = "budgets:\n  - name: a\n    limit: {usd: 1}\n    window: {period: day}\n"
PROVIDER = "providers:\n  - host: llm.internal\n    dialect: openai\n    name: vllm\n"


def load_text(text: str) -> None:
    document = parse(text, "f")
    check(config(document), document)


def limit(text: str) -> str:
    return BUDGET.replace("usd: 1", text)


def zone(text: str) -> str:
    return BUDGET.replace("day}", f"day, timezone: {text}}}")


@pytest.mark.parametrize(
    ("text", "what", "where", "hint"),
    [
        ("store: postgresql://x", "not supported in this version", "f:1, key store", "sqlite:///"),
        ("store: sqlite://ledger.db", "not a ledger's address", "f:1, key store", "sqlite:///absolute"),
        ("store: /var/ledger.db", "not a ledger's address", "f:1, key store", "sqlite:///absolute"),
        ("store: sqlite:///var/", "not a ledger's address", "f:1, key store", "sqlite:///absolute"),
        (BUDGET + BUDGET.removeprefix("budgets:\n"), "taken by budgets[0]", "f:5, key budgets[1].name", "rename"),
        (BUDGET.replace("name: a", "name: 'a b'"), "not a usable name", "f:2, key budgets[0].name", "letters"),
        (BUDGET.replace("name: a", f"name: {'a' * 65}"), "not a usable name", "f:2, key budgets[0].name", "64"),
        (limit(""), "limits nothing", "f:3, key budgets[0].limit", "usd, tokens or requests"),
        (limit("usd: 0"), "must be above 0", "f:3, key budgets[0].limit.usd", "mode: off"),
        (limit("usd: -1"), "must be above 0", "f:3, key budgets[0].limit.usd", ""),
        (limit("usd: 1e999999"), "at most", "f:3, key budgets[0].limit.usd", ""),
        (limit("usd: 0.0000000001"), "decimal places", "f:3, key budgets[0].limit.usd", "billionths"),
        (limit("tokens: 0"), "must be above 0", "f:3, key budgets[0].limit.tokens", "mode: off"),
        (limit("requests: 9223372036854775808"), "at most", "f:3, key budgets[0].limit.requests", ""),
        (zone("Europe/Berln"), "not a time zone", "f:4, key budgets[0].window.timezone", "'Europe/Berlin'"),
        (zone("berlin"), "not a time zone", "f:4, key budgets[0].window.timezone", "'Europe/Berlin'"),
        (zone("europe/berlin"), "not a time zone", "f:4, key budgets[0].window.timezone", "'Europe/Berlin'"),
        (zone("xyzzy"), "not a time zone", "f:4, key budgets[0].window.timezone", "IANA"),
        (BUDGET + "    alert_at: [80]", "80 is not between", "f:5, key budgets[0].alert_at[0]", "80 %"),
        (BUDGET + "    alert_at: [0.0005]", "three decimal", "f:5, key budgets[0].alert_at[0]", "80 %"),
        (BUDGET + "    alert_at: [1e-999999]", "three decimal", "f:5, key budgets[0].alert_at[0]", "80 %"),
        (BUDGET + "    alert_at: [0]", "0 is not between", "f:5, key budgets[0].alert_at[0]", ""),
        (BUDGET + "    alert_at: [0.8, 0.5]", "rising order", "f:5, key budgets[0].alert_at", "[0.5, 0.8]"),
        (
            BUDGET + f"    alert_at: {[i / 100 for i in range(1, 19)]}",
            "more than 16",
            "f:5, key budgets[0].alert_at",
            "",
        ),
        ("tokenizers: [{models: [], file: x}]", "names no model", "f:1, key tokenizers[0].models", "llama-3*"),
        ("providers: [{host: 'https://x/v1', dialect: openai, name: x}]", "scheme", "f:1, key providers[0].host", ""),
        ("providers: [{host: 'x:99999', dialect: openai, name: x}]", "port", "f:1, key providers[0].host", ""),
        ("providers: [{host: 'x:0', dialect: openai, name: x}]", "port 0", "f:1, key providers[0].host", ""),
        (PROVIDER + PROVIDER.removeprefix("providers:\n"), "also providers[0]", "f:5, key providers[1].host", "merge"),
        ("providers: [{host: x, dialect: openai}]", "needs a name", "f:1, key providers[0].dialect", "`name:`"),
        ("providers: [{host: x, name: y}]", "needs a dialect", "f:1, key providers[0].name", "dialect: openai"),
        ("providers: [{host: x}]", "says nothing", "f:1, key providers[0]", "connect_to"),
        (PROVIDER + "    rates: {input: -1, output: 1}", "between 0", "f:5, key providers[0].rates.input", "million"),
        (PROVIDER + "    connect_to: gateway", "lacks a port", "f:5, key providers[0].connect_to", ""),
        (
            "providers: [{host: api.openai.com, tls: false, connect_to: 'x:1'}]",
            "needs a dialect",
            "f:1, key providers[0].tls",
            "dialect:",
        ),
        ("proxy: {listen: '8080'}", "lacks a port", "f:1, key proxy.listen", "127.0.0.1"),
        ("proxy: {listen: []}", "no address", "f:1, key proxy.listen", "127.0.0.1"),
        ("proxy: {listen: ['[::1]:1', x]}", "lacks a port", "f:1, key proxy.listen[1]", ""),
        ("proxy: {mode: transparentt}", "not a mode", "f:1, key proxy.mode", "'transparent'"),
        ("proxy: {mode: baseurl}", "not a mode", "f:1, key proxy.mode", "'base-url'"),
        ("proxy: {mode: reverse}", "not a mode", "f:1, key proxy.mode", "'reverse:URL'"),
        ("proxy: {mode: 'reverse:api.openai.com'}", "no usable URL", "f:1, key proxy.mode", "reverse:https://"),
        ("proxy: {mode: 'reverse:https://[x'}", "no usable URL", "f:1, key proxy.mode", "reverse:https://"),
        ("proxy: {drain_s: -1}", "between 0", "f:1, key proxy.drain_s", "seconds"),
        ("proxy: {body_bytes_max: 0}", "above 0", "f:1, key proxy.body_bytes_max", "bytes"),
        ("metrics: {listen: 15490}", "must be text", "f:1, key metrics.listen", ""),
        ("metrics: {listen: 127.0.0.1:15401}", "the proxy's own", "f:1, key metrics.listen", "two ports"),
    ],
)
def test_a_value_that_cannot_be_meant_is_told(text: str, what: str, where: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text)

    assert what in caught.value.what
    assert caught.value.where == where
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    "text",
    [
        "store: sqlite:///var/lib/tokmeter/ledger.db",
        limit("usd: 0.000000001"),
        limit("usd: 1000000000, tokens: 9223372036854775807, requests: 1"),
        zone("Australia/Lord_Howe"),
        BUDGET + "    alert_at: [0.001, 1]",
        "providers: [{host: .internal, dialect: anthropic, name: own, rates: {input: 0, output: 0.1}}]",
        "providers: [{host: '[::1]:8000', dialect: openai, name: own, connect_to: '[::1]:1'}]",
        "proxy: {mode: base-url}",
        "proxy: {mode: 'reverse:https://api.openai.com', drain_s: 0.5, listen: '127.0.0.1:0'}",
        "proxy: {mode: transparent, listen: ['0.0.0.0:15401', '[::]:15401']}\nmetrics: {listen: '0.0.0.0:15490'}",
        "proxy: {listen: '127.0.0.1:0'}\nmetrics: {listen: '127.0.0.1:0'}",
    ],
)
def test_what_can_be_meant_is_accepted(text: str) -> None:
    load_text(text)


def test_the_defaults_are_free_of_mistakes() -> None:
    assert list(mistakes(Config())) == []
