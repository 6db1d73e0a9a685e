"""The ledger against a model in a few lines of Python: what goes in comes out, and sums and percentiles are right."""

import math
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.store.sample import START_NS, as_fields, entry

from tokmeter.store.ledger import USAGE, Correction, Spend
from tokmeter.store.sqlite import SqliteLedger, SqliteReader

PATIENCE_S = 60.0
HOUR_NS = 3_600_000_000_000
names = st.none() | st.sampled_from(["a", "b"]) | st.text(st.characters(codec="utf-8"), max_size=5)
counts = st.none() | st.integers(0, 10**12)
costs = st.none() | st.integers(0, 10**15) | st.sampled_from([0, 1, 2])

fields = st.fixed_dictionaries(
    {
        "time_ns": st.integers(START_NS, START_NS + 72 * HOUR_NS),
        "service": names,
        "user": names,
        "request_model": names,
        "response_model": names,
        "cost_nano_usd": costs,
        "priced": st.booleans(),
        "llm": st.sampled_from([True, True, True, False]),
        "decision": st.sampled_from(["admit", "cut", "refuse", "rewrite"]),
        "defects": st.lists(st.sampled_from(["truncated", "no_usage"]), max_size=2),
        "alerts": st.lists(st.tuples(st.text(st.characters(codec="utf-8"), max_size=3), st.just("0.5")), max_size=2),
        "usage": st.fixed_dictionaries(dict.fromkeys(USAGE, counts)),
    }
)
corrections = st.lists(
    st.tuples(st.integers(0, 30), st.integers(-(10**9), 10**9), st.sampled_from(USAGE), st.integers(-9, 9)), max_size=5
)


def net(entries: list[dict[str, Any]], corrected: list[tuple[int, int, str, int]]) -> list[dict[str, Any]]:
    """What a reader must see."""
    seen = [as_fields(entry(number, **changed)) for number, changed in enumerate(entries)]
    for number, cost, name, count in corrected:
        if number < len(seen):
            row = seen[number]
            row["cost_nano_usd"] = (row["cost_nano_usd"] or 0) + cost
            row["usage"] = row["usage"] | {name: (row["usage"][name] or 0) + count}
    return seen


def summed(group: tuple[str | None, ...], rows: list[dict[str, Any]]) -> Spend:
    """One group of a report."""
    paid = sorted(
        row["cost_nano_usd"] for row in rows if row["cost_nano_usd"] is not None and row["decision"] != "refuse"
    )

    def total(*counted: str) -> int:
        return sum(row["usage"][name] or 0 for row in rows for name in counted)

    def rank(percent: int) -> int | None:
        return paid[math.ceil(percent * len(paid) / 100) - 1] if paid else None

    return Spend(
        group=group,
        calls=len(rows),
        input_tokens=total("input_tokens"),
        output_tokens=total("output_tokens"),
        cache_read_tokens=total("cache_read_tokens"),
        cache_write_tokens=total("cache_write_5m_tokens", "cache_write_1h_tokens"),
        reasoning_tokens=total("reasoning_tokens"),
        cost_nano_usd=sum(row["cost_nano_usd"] or 0 for row in rows),
        unpriced=sum(not row["priced"] for row in rows),
        p50_nano_usd=rank(50),
        p95_nano_usd=rank(95),
        p99_nano_usd=rank(99),
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(fields, max_size=30), corrections)
def test_the_ledger_agrees_with_the_model(
    entries: list[dict[str, Any]], corrected: list[tuple[int, int, str, int]]
) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "ledger.db"
        ledger = SqliteLedger.open(path)
        for number, changed in enumerate(entries):
            ledger.append(entry(number, **changed))
            ledger.append(entry(number, **changed))
        for number, (which, cost, name, count) in enumerate(corrected):
            ledger.correct(Correction(f"c{number}", f"e{which}", "model", cost, {name: count}))
        assert ledger.close(PATIENCE_S)
        assert ledger.dropped == 0
        with SqliteReader.open(path) as reader:
            found = list(reader.entries(0, 2**63 - 1))
            spent = reader.spend(["service", "model"], 0, 2**63 - 1)

    expected = net(entries, corrected)
    assert found == sorted(expected, key=lambda row: (row["time_ns"], int(row["id"][1:])))
    groups: dict[tuple[str | None, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in expected:
        if row["llm"]:
            model = row["response_model"] if row["response_model"] is not None else row["request_model"]
            groups[row["service"], model].append(row)
    assert {row.group: row for row in spent} == {group: summed(group, rows) for group, rows in groups.items()}
    assert [row.cost_nano_usd for row in spent] == sorted((row.cost_nano_usd for row in spent), reverse=True)
