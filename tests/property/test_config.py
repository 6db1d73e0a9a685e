"""Whatever a file holds, reading it ends in a configuration or in one message with its place."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tokmeter.config import rules, shape
from tokmeter.config.document import parse
from tokmeter.config.schema import Config
from tokmeter.errors import ConfigError

VOCABULARY = """
service mode store budgets policies providers proxy metrics name limit usd tokens requests window period timezone
scope alert_at on_exceed host dialect rates input output connect_to listen drain_s body_bytes_max fail_closed unpriced include_usage
price_as shadow off enforce day UTC openai x.internal:80 127.0.0.1:0 reverse:http://[ sqlite:///a -1 0.5 1e9
"""
WORDS = st.sampled_from(VOCABULARY.split())
LEAVES = st.one_of(
    WORDS, st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec="utf-8"), max_size=10)
)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=15
)


def read(text: str) -> Config:
    document = parse(text, "tokmeter.yaml")
    config = shape.config(document)
    rules.check(config, document)
    return config


def expect_one_message(text: str) -> None:
    message = complaint(text)
    if message is not None:
        assert (message.where or "").startswith("tokmeter.yaml")
        assert "\n" not in message.what
        assert len("\n".join(message.lines())) < 2_000


def complaint(text: str) -> ConfigError | None:
    try:
        read(text)
    except ConfigError as error:
        return error
    return None


@given(st.text(st.characters(codec="utf-8")))
def test_any_text(text: str) -> None:
    expect_one_message(text)


@settings(deadline=None)
@given(st.dictionaries(WORDS, TREES, max_size=4))
def test_any_tree_of_known_words(tree: dict[str, object]) -> None:
    expect_one_message(yaml.safe_dump(tree))


@settings(deadline=None)
@given(st.decimals(min_value="0.000000001", max_value=10**9, places=9))
def test_any_amount_of_money_arrives_to_the_last_digit(amount: object) -> None:
    config = read(f"budgets: [{{name: a, limit: {{usd: {amount:f}}}, window: {{period: day}}}}]")

    assert config.budgets[0].limit.usd == amount


@pytest.mark.parametrize("key", Config.__struct_fields__)
@settings(deadline=None)
@given(leaf=LEAVES)
def test_any_scalar_for_any_key(key: str, leaf: object) -> None:
    expect_one_message(yaml.safe_dump({key: leaf}))
