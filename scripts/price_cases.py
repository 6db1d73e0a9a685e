"""Prices a sample of usages with the genai-prices package, the reference that meter_core is tested against.

Owns the choice of models, usages, instants and service tiers. Refuses to compute a price itself.

    uv run --no-project --with genai-prices==0.2.3 python scripts/price_cases.py            # rewrite the cases
    uv run --no-project --with genai-prices==0.2.3 python scripts/price_cases.py --check    # compare, write nothing
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import Usage, calc_price
from genai_prices.data import providers
from genai_prices.types import ClauseContains, ClauseEquals, ClauseOr, ClauseStartsWith, ModelPrice

CASES = Path(__file__).parent.parent / "meter_core" / "tests" / "data" / "genai-prices-cases.json.gz"
FEMTO_PER_USD = Decimal(10) ** 15
INSTANTS = (
    datetime(2024, 6, 1, 12, 0, tzinfo=UTC),
    datetime(2026, 11, 10, 2, 0, tzinfo=UTC),  # inside DeepSeek's peak hours
    datetime(2026, 11, 10, 23, 59, 59, tzinfo=UTC),
    datetime(2027, 2, 1, 0, 0, tzinfo=UTC),  # after announced changes
)
INPUTS = (10_000, 200_000, 200_001, 1_000_003)
"""Inclusive input tokens: small, at and above the common threshold, above all thresholds and no round number."""

SUFFIXES = ("", "-2024-08-06", "-20260102", "-nonsense", "@20250929", ":free", "-latest")
"""Endings that clauses treat differently."""


def names(clause: Any) -> Iterator[str]:
    """Names taken from a match clause: the literals of equalities, prefixes and substrings."""
    match clause:
        case ClauseEquals(equals=text) | ClauseStartsWith(starts_with=text) | ClauseContains(contains=text):
            yield text
        case ClauseOr(or_=clauses):
            for item in clauses:
                yield from names(item)


def usage_for(prices: ModelPrice, tokens: int) -> dict[str, int]:
    """A usage of every kind the model has a rate for; caches and modalities apart, as the package cannot split both."""
    stated = {key for key, value in vars(prices).items() if value is not None}
    usage = {"input_tokens": tokens}
    if "output_mtok" in stated:
        usage["output_tokens"] = tokens // 7
    if tokens % 2 == 0:
        usage["cache_read_tokens"] = tokens // 3
        usage["cache_write_tokens"] = tokens // 5
        if "cache_write_1h_mtok" in stated:
            usage["cache_write_1h_tokens"] = tokens // 10
    else:
        if "input_audio_mtok" in stated:
            usage["input_audio_tokens"] = tokens // 4
        if "output_audio_mtok" in stated:
            usage["output_audio_tokens"] = tokens // 9
        if "output_reasoning_mtok" in stated:
            usage["output_reasoning_tokens"] = tokens // 20
    if "web_searches_kcount" in stated:
        usage["web_searches"] = 3
    return usage


def price(provider: str, model: str, instant: datetime, tokens: int, tier: str | None) -> dict[str, Any] | None:
    """One case; `femto_usd` is null when the package knows no model. `None` where the two differ by intention."""
    context = {"processing": "batch"} if tier == "batch" else {"service_tier": tier} if tier else None
    case: dict[str, Any] = {"provider": provider, "model": model, "at": int(instant.timestamp()), "tier": tier}
    try:
        probe = calc_price(Usage(), model, provider_id=provider, genai_request_timestamp=instant, price_context=context)
    except LookupError:
        return {**case, "usage": {"input_tokens": tokens}, "femto_usd": None}
    if getattr(probe.model_price, "input_mtok", None) is None:
        return None  # no rate for tokens: unpriced here, zero there
    if tier and not any(tier in variant.when.values() for variant in probe.model.price_variants or ()):
        return None
    if tier and probe.model_price == probe.model.get_prices(instant):
        return None  # the tier's rates are not in force yet: the documented multiple holds here
    usage = usage_for(probe.model_price, tokens)
    result = calc_price(
        Usage(**usage), model, provider_id=provider, genai_request_timestamp=instant, price_context=context
    )
    femto = int((result.total_price * FEMTO_PER_USD).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
    return {**case, "id": result.model.id, "usage": usage, "femto_usd": femto}


def cases() -> Iterator[dict[str, Any]]:
    """Every model under the names its clause has, with usage, instant and ending rotating through the choices."""
    turn = 0
    for provider in providers:
        for model in provider.models:
            for name in [model.id, *list(names(model.match))[:2]]:
                for suffix in ("", SUFFIXES[turn % len(SUFFIXES)]):
                    turn += 1
                    instant = INSTANTS[turn % len(INSTANTS)]
                    tokens = INPUTS[turn // len(INSTANTS) % len(INPUTS)]
                    if case := price(provider.id, name + suffix, instant, tokens, None):
                        yield case
            tiers = {value for variant in model.price_variants or () for value in variant.when.values()}
            for tier in sorted(tiers & {"batch", "flex", "priority"}):
                turn += 1
                if case := price(provider.id, model.id, INSTANTS[1 + turn % 3], INPUTS[turn % len(INPUTS)], tier):
                    yield case


def main() -> int:
    """Writes or checks the cases; exit status 1 when a check finds a difference."""
    unique = {json.dumps(case, sort_keys=True, separators=(",", ":")): None for case in cases()}
    head = json.dumps({"genai_prices": version("genai-prices")})
    converted = "\n".join([head, *unique]).encode() + b"\n"
    if "--check" in sys.argv[1:]:
        same = gzip.decompress(CASES.read_bytes()) == converted
        print(f"{CASES.name} {'is' if same else 'is not'} what genai-prices computes", file=sys.stderr)
        return 0 if same else 1
    CASES.parent.mkdir(parents=True, exist_ok=True)
    CASES.write_bytes(gzip.compress(converted, compresslevel=9, mtime=0))
    print(f"{CASES.name}: {len(unique)} cases", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
