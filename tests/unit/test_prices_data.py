"""The price snapshot: the conversion's rules, and that the committed file is the one its README and script describe."""

from __future__ import annotations

import ast
import gzip
import hashlib
import importlib.util
import json
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prices", ROOT / "scripts" / "prices.py")
    if spec is None or spec.loader is None:
        raise ImportError("scripts/prices.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


prices = _load()


def literal(source: str) -> Any:
    """What the conversion reads from one expression of the wheel's data file."""
    return prices.evaluate(ast.parse(source, mode="eval").body)


def test_snapshot_is_the_one_described() -> None:
    plain = gzip.decompress(prices.SNAPSHOT.read_bytes())
    snapshot = json.loads(plain)
    readme = (prices.SNAPSHOT.parent / "README.md").read_text()

    assert hashlib.sha256(plain).hexdigest() in readme
    assert prices.WHEEL_SHA256 in readme
    assert f"genai-prices {prices.VERSION}, released {prices.RELEASED}" in readme
    assert snapshot["version"] == prices.VERSION
    assert snapshot["source_sha256"] == prices.WHEEL_SHA256
    assert snapshot["licence"] == "MIT"
    assert plain == json.dumps(snapshot, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@pytest.mark.parametrize(
    ("price", "femto"),
    [
        ("Decimal('2.5')", [2_500_000_000]),
        ("Decimal('0.000000001')", [1]),
        (
            (
                "TieredPrices(base=Decimal('3'), tiers=["
                "Tier(start=9, price=Decimal('8')), Tier(start=5, price=Decimal('6'))])"
            ),
            [3_000_000_000, 5, 6_000_000_000, 9, 8_000_000_000],
        ),
    ],
)
def test_rates_become_femto_usd_per_token(price: str, femto: list[int]) -> None:
    assert prices.rate(literal(price), prices.FEMTO_PER_TOKEN) == femto


def test_thousand_searches_at_ten_dollars_are_a_cent_each() -> None:
    assert prices.rates({"web_searches_kcount": Decimal(10)}, model="m") == {"web_search": [10**13]}


def test_one_hour_write_of_claude_is_filled_in_only_where_missing() -> None:
    tiered = literal("TieredPrices(base=Decimal('3'), tiers=[Tier(start=200, price=Decimal('6'))])")
    card = {"input_mtok": tiered, "cache_write_mtok": Decimal("3.75")}
    filled = prices.rates(card, model="us.anthropic.Claude-x")["cache_write_1h"]

    assert filled == [6_000_000_000, 200, 12_000_000_000]
    assert "cache_write_1h" not in prices.rates(card, model="gpt-x")
    stated = prices.rates({**card, "cache_write_1h_mtok": Decimal(7)}, model="claude-x")["cache_write_1h"]
    assert stated == [7_000_000_000]


def test_lookahead_becomes_a_negation_or_is_refused() -> None:
    assert prices.regex_clause(r"^(?!.*-[tT]ts$)") == {"not": {"regex": "-[tT]ts$"}}
    assert prices.regex_clause(r"^gpt-\d{4}$") == {"regex": "^gpt-[0-9]{4}$"}
    with pytest.raises(prices.UnexpectedDataError):
        prices.regex_clause(r"^(?!x)y")


def test_constraints_are_days_and_seconds_of_utc() -> None:
    day = literal("StartDateConstraint(start_date=datetime.date(1970, 2, 1))")
    part = literal(
        "TimeOfDateConstraint(start_time=datetime.time(0, 30, tzinfo=datetime.UTC),"
        " end_time=datetime.time(16, 30, 5, tzinfo=datetime.UTC))"
    )
    naive = literal("TimeOfDateConstraint(start_time=datetime.time(1), end_time=datetime.time(2))")

    assert prices.constraint(day) == {"when": {"from_day": 31}}
    assert prices.constraint(part) == {"when": {"between": [1800, 59405]}}
    with pytest.raises(prices.UnexpectedDataError):
        prices.constraint(naive)


def test_what_the_conversion_does_not_know_stops_it() -> None:
    with pytest.raises(prices.UnexpectedDataError):
        prices.rates({"input_smell_mtok": Decimal(1)}, model="m")
    with pytest.raises(prices.UnexpectedDataError):
        prices.clause(literal("ClauseSoundsLike(sounds_like='gpt')"))
    variant = "PriceVariant(when={'service_tier': 'new'}, prices=ModelPrice())"
    clause = "ClauseEquals(equals='m')"
    model = literal(f"ModelInfo(id='m', match={clause}, prices=ModelPrice(), price_variants=[{variant}])")
    with pytest.raises(KeyError):
        prices.model(model, provider="openai")


def test_empty_prices_are_free_only_where_the_provider_says_so() -> None:
    source = "ModelInfo(id='{}', match=ClauseEquals(equals='m'), prices=ModelPrice())"

    assert prices.model(literal(source.format("x/y:free")), provider="openrouter")["free"] is True
    assert "free" not in prices.model(literal(source.format("x/y")), provider="openrouter")


def test_any_other_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "genai_prices-9-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("genai_prices/data.py", "providers: list = []")

    with pytest.raises(prices.UnexpectedDataError, match="SHA-256"):
        prices.read_providers(wheel)
