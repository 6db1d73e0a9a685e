"""Converts the price data of the pinned genai-prices wheel into the snapshot that meter_core embeds.

Owns the pin, the translation of units into integer femto-USD, and the few corrections with their reasons. Refuses to
execute anything from the wheel (its data file is read as a syntax tree) and to know how a price is looked up.

    pip download --no-deps --dest DIR genai-prices==0.2.3
    python scripts/prices.py DIR/genai_prices-0.2.3-py3-none-any.whl            # rewrite the snapshot
    python scripts/prices.py DIR/genai_prices-0.2.3-py3-none-any.whl --check    # compare with the committed one
"""

from __future__ import annotations

import argparse
import ast
import datetime
import gzip
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

VERSION = "0.2.3"
RELEASED = "2026-11-10"
WHEEL_SHA256 = "56976ce2b04ec206117f7d0e53f4849211a6724ab3a12119afec304eba63ee25"
SNAPSHOT = Path(__file__).parent.parent / "meter_core" / "data" / "prices" / "genai-prices.json.gz"

FORMAT = 1
"""Version of the snapshot's own shape; `meter_core` refuses any other."""

FEMTO_PER_TOKEN = Decimal(10) ** 9
"""One USD per million tokens is 1e-6 USD, 1e9 femto-USD, per token."""
FEMTO_PER_COUNT = Decimal(10) ** 12
"""One USD per thousand requests is 1e-3 USD, 1e12 femto-USD, per request."""

UNITS: Mapping[str, tuple[str, Decimal]] = {
    "input_mtok": ("input", FEMTO_PER_TOKEN),
    "cache_read_mtok": ("cache_read", FEMTO_PER_TOKEN),
    "cache_write_mtok": ("cache_write", FEMTO_PER_TOKEN),
    "cache_write_1h_mtok": ("cache_write_1h", FEMTO_PER_TOKEN),
    "input_audio_mtok": ("audio_input", FEMTO_PER_TOKEN),
    "cache_audio_read_mtok": ("audio_cache_read", FEMTO_PER_TOKEN),
    "input_image_mtok": ("image_input", FEMTO_PER_TOKEN),
    "cache_image_read_mtok": ("image_cache_read", FEMTO_PER_TOKEN),
    "output_mtok": ("output", FEMTO_PER_TOKEN),
    "output_reasoning_mtok": ("reasoning", FEMTO_PER_TOKEN),
    "output_audio_mtok": ("audio_output", FEMTO_PER_TOKEN),
    "output_image_mtok": ("image_output", FEMTO_PER_TOKEN),
    "web_searches_kcount": ("web_search", FEMTO_PER_COUNT),
    "requests_kcount": ("request", FEMTO_PER_COUNT),
}
UNMETERED_UNITS = frozenset(
    {
        "audio_hours",
        "input_annotated_document_kpages",
        "input_audio_hours",
        "input_document_kpages",
        "input_mchars",
        "input_text_messages_kcount",
        "input_video_mtok",
        "output_citation_mtok",
        "output_video_mtok",
        "storage_searches_kcount",
    }
)
"""Units that a usage does not carry. A model left with no rate at all is unpriced, not free."""

TIERS: Mapping[tuple[str, str], str] = {
    ("service_tier", "default"): "default",
    ("service_tier", "fast"): "fast",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("processing", "batch"): "batch",
    ("speed", "fast"): "fast",
}
UNMETERED_CONTEXTS = frozenset({"route", "search_type"})
"""Request properties that an exchange does not keep; standard rates apply."""

CLAUDE_1H_OVER_INPUT = 2
"""Anthropic prices a one-hour cache write at twice the base input everywhere; the data lacks it for resellers."""


class UnexpectedDataError(Exception):
    """The wheel holds something this conversion would otherwise drop or misread."""


Node = dict[str, Any]


def evaluate(node: ast.expr) -> Any:
    """The value of a literal or of a constructor call, which becomes its keywords plus its class under `""`."""
    match node:
        case ast.List(elts=items):
            return [evaluate(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {evaluate(key): evaluate(value) for key, value in zip(keys, values, strict=True) if key is not None}
        case ast.Call(func=ast.Name(id="Decimal"), args=[ast.Constant(value=str(text))]):
            return Decimal(text)
        case ast.Call(func=ast.Attribute(attr=name), args=args, keywords=keywords):
            return {"": name, "args": [evaluate(arg) for arg in args], **_keywords(keywords)}
        case ast.Call(func=ast.Name(id=name), args=[], keywords=keywords):
            return {"": name, **_keywords(keywords)}
        case ast.Attribute(attr="UTC"):
            return "utc"
        case _:
            return ast.literal_eval(node)


def _keywords(keywords: list[ast.keyword]) -> Node:
    return {keyword.arg: evaluate(keyword.value) for keyword in keywords if keyword.arg is not None}


def read_providers(wheel: Path) -> list[Node]:
    """The `providers` literal of the wheel's data module, after checking that it is the pinned wheel."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise UnexpectedDataError(f"{wheel.name} has SHA-256 {digest}, pinned is {WHEEL_SHA256}")
    with zipfile.ZipFile(wheel) as archive:
        tree = ast.parse(archive.read("genai_prices/data.py"))
    for statement in tree.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id="providers"), value=ast.List() as value):
                providers: list[Node] = evaluate(value)
                return providers
    raise UnexpectedDataError("genai_prices/data.py assigns no list `providers`")


def clause(node: Node) -> Node:
    """A match clause in the snapshot's words; literals in lower case, as they are compared without case."""
    match node:
        case {"": "ClauseEquals", "equals": text}:
            return {"equals": text.lower()}
        case {"": "ClauseStartsWith", "starts_with": text}:
            return {"starts_with": text.lower()}
        case {"": "ClauseEndsWith", "ends_with": text}:
            return {"ends_with": text.lower()}
        case {"": "ClauseContains", "contains": text}:
            return {"contains": text.lower()}
        case {"": "ClauseOr", "or_": clauses}:
            return {"any": [clause(item) for item in clauses]}
        case {"": "ClauseAnd", "and_": clauses}:
            return {"all": [clause(item) for item in clauses]}
        case {"": "ClauseRegex", "regex": pattern}:
            return regex_clause(pattern)
        case _:
            raise UnexpectedDataError(f"unknown match clause {node}")


def regex_clause(pattern: str) -> Node:
    """A pattern for a linear-time engine: ASCII digits, and a leading negative lookahead as a negation."""
    pattern = pattern.replace(r"\d", "[0-9]")
    if excluded := re.fullmatch(r"\^\(\?!\.\*(.*)\)", pattern):
        return {"not": {"regex": excluded[1]}}
    if re.search(r"\(\?[!=<]", pattern):
        raise UnexpectedDataError(f"pattern {pattern!r} looks around")
    return {"regex": pattern}


def rate(price: Decimal | Node, femto: Decimal) -> list[int]:
    """`[base, start, rate, start, rate, ...]` in femto-USD per unit; a tier holds above its start of input tokens."""
    if isinstance(price, Decimal):
        return [integer(price * femto)]
    tiers = sorted(price["tiers"], key=lambda tier: int(tier["start"]))
    flat = [integer(price["base"] * femto)]
    for tier in tiers:
        flat += [tier["start"], integer(tier["price"] * femto)]
    return flat


def integer(femto: Decimal) -> int:
    """Whole femto-USD. Prices with float noise beyond nine decimals move by at most half a femto-USD per token."""
    return int(femto.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def rates(prices: Node, *, model: str) -> Node:
    """The rates of one price set by unit, with the one-hour write of a Claude model filled in."""
    card: Node = {}
    for key, price in prices.items():
        if key == "" or price is None or key in UNMETERED_UNITS:
            continue
        if key not in UNITS:
            raise UnexpectedDataError(f"unknown unit {key} of {model}")
        unit, femto = UNITS[key]
        card[unit] = rate(price, femto)
    if "claude" in model.lower() and {"input", "cache_write"} <= card.keys() and "cache_write_1h" not in card:
        flat = card["input"]
        card["cache_write_1h"] = [
            value if position % 2 else value * CLAUDE_1H_OVER_INPUT for position, value in enumerate(flat)
        ]
    return card


def constraint(node: Node | None) -> Node:
    """Empty, or under `when` a first day since 1970 or a pair of seconds of the UTC day, the second one exclusive."""
    match node:
        case None:
            return {}
        case {"": "StartDateConstraint", "start_date": {"": "date", "args": [year, month, day]}}:
            return {"when": {"from_day": (datetime.date(year, month, day) - datetime.date(1970, 1, 1)).days}}
        case {"": "TimeOfDateConstraint", "start_time": start, "end_time": end}:
            return {"when": {"between": [second_of_day(start), second_of_day(end)]}}
        case _:
            raise UnexpectedDataError(f"unknown constraint {node}")


def second_of_day(time: Node) -> int:
    """Seconds after UTC midnight of a `datetime.time(hour, minute, tzinfo=utc)`."""
    if time.get("tzinfo") != "utc":
        raise UnexpectedDataError(f"time of day {time} is not UTC")
    hour, minute, second = [*time["args"], 0, 0][:3]
    return int(hour) * 3600 + int(minute) * 60 + int(second)


def is_free(provider: str, model: str) -> bool:
    """Whether an empty price set means free, by the provider's own statement, and not merely "no price known"."""
    return (
        model.endswith(":free")  # the convention of OpenRouter and of those who copy its names
        or (provider, model) == ("openai", "moderation")  # documented as free of charge
        or (provider == "google" and model.startswith("gemma-"))  # listed with a free tier only
    )


def model(node: Node, *, provider: str) -> Node:
    """One model: how it is matched, its context window, its dated prices and its service tiers."""
    name = node["id"]
    listed = node["prices"]
    dated = listed if isinstance(listed, list) else [{"constraint": None, "prices": listed}]
    periods = [
        {**constraint(period.get("constraint")), "rates": rates(period["prices"], model=name)} for period in dated
    ]
    converted: Node = {"id": name, "match": clause(node["match"]), "prices": periods}
    if node.get("context_window") is not None:
        converted["context_window"] = node["context_window"]
    if is_free(provider, name) and not any(period["rates"] for period in periods):
        converted["free"] = True
    tiers = []
    for variant in node.get("price_variants") or []:
        [(key, value)] = variant["when"].items()
        if key in UNMETERED_CONTEXTS:
            continue
        # A one-hour write of a variant is stated where it differs, so nothing is filled in: pass no model name.
        converted_rates = rates(variant["prices"], model="")
        tiers.append({"tier": TIERS[key, value], **constraint(variant.get("constraint")), "rates": converted_rates})
    if tiers:
        converted["tiers"] = tiers
    return converted


def provider(node: Node) -> Node:
    """One provider. The order of models is kept: the first that matches wins."""
    converted: Node = {
        "id": node["id"],
        "models": [model(item, provider=node["id"]) for item in node["models"]],
    }
    if node.get("provider_match") is not None:
        converted["match"] = clause(node["provider_match"])
    if node.get("fallback_model_providers"):
        converted["fallback"] = node["fallback_model_providers"]
    return converted


def convert(wheel: Path) -> bytes:
    """The snapshot as JSON text: keys sorted, no spaces, one line, the same bytes on every machine."""
    snapshot = {
        "format": FORMAT,
        "source": "genai-prices",
        "version": VERSION,
        "date": RELEASED,
        "licence": "MIT",
        "source_sha256": WHEEL_SHA256,
        "providers": [provider(item) for item in read_providers(wheel)],
    }
    return json.dumps(snapshot, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode() + b"\n"


def main() -> int:
    """Writes or checks the snapshot; exit status 1 when a check finds a difference."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--check", action="store_true", help="compare with the committed snapshot, write nothing")
    arguments = parser.parse_args()
    converted = convert(arguments.wheel)
    if arguments.check:
        same = gzip.decompress(SNAPSHOT.read_bytes()) == converted
        print(f"{SNAPSHOT.name} {'is' if same else 'is not'} what {arguments.wheel.name} converts to", file=sys.stderr)
        return 0 if same else 1
    SNAPSHOT.write_bytes(gzip.compress(converted, compresslevel=9, mtime=0))
    print(f"{SNAPSHOT.name}: {len(converted)} bytes, SHA-256 {hashlib.sha256(converted).hexdigest()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
