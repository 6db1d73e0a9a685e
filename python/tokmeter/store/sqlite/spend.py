"""Spend by any dimensions, with exact percentiles of the cost of one call.

Owns the query and the whitelist of what it may group by: no word of the caller ever becomes SQL.
"""

import sqlite3
from collections.abc import Sequence

from tokmeter.store.ledger import Spend

_SECONDS = "time_ns / 1000000000, 'unixepoch'"

EXPRESSIONS: dict[str, str] = {
    "service": "service",
    "provider": "provider",
    "operation": "operation",
    "model": "ifnull(response_model, request_model)",
    "user": "user",
    "key": "key_fingerprint",
    "process": "process",
    "pod": "pod",
    "namespace": "namespace",
    "organization": "organization",
    "project": "project",
    "session": "session",
    "sdk": "sdk",
    "outcome": "outcome",
    "decision": "decision",
    "hour": f"strftime('%Y-%m-%dT%H:00Z', {_SECONDS})",
    "day": f"strftime('%Y-%m-%d', {_SECONDS})",
    "month": f"strftime('%Y-%m', {_SECONDS})",
}
"""SQL for each of `DIMENSIONS`."""

# Nearest rank: the p-th percentile of n values is the ceil(p n / 100)-th smallest, a cost that a call really had.
_QUERY = """
WITH chosen AS (
    SELECT {groups}, input_tokens, output_tokens, cache_read_tokens,
        ifnull(cache_write_5m_tokens, 0) + ifnull(cache_write_1h_tokens, 0) AS cache_write_tokens,
        reasoning_tokens, cost_nano_usd, priced,
        CASE WHEN decision != 'refuse' THEN cost_nano_usd END AS call_cost
    FROM net_entry WHERE llm AND time_ns >= ? AND time_ns < ?
), ranked AS (
    SELECT *,
        CASE WHEN call_cost IS NOT NULL
            THEN row_number() OVER (PARTITION BY {names}, call_cost IS NULL ORDER BY call_cost) END AS rank,
        count(call_cost) OVER (PARTITION BY {names}) AS calls_with_cost
    FROM chosen
)
SELECT {names}, count(*), ifnull(sum(input_tokens), 0), ifnull(sum(output_tokens), 0),
    ifnull(sum(cache_read_tokens), 0), sum(cache_write_tokens), ifnull(sum(reasoning_tokens), 0),
    ifnull(sum(cost_nano_usd), 0) AS cost, sum(priced = 0),
    max(CASE WHEN rank = (calls_with_cost * 50 + 99) / 100 THEN call_cost END),
    max(CASE WHEN rank = (calls_with_cost * 95 + 99) / 100 THEN call_cost END),
    max(CASE WHEN rank = (calls_with_cost * 99 + 99) / 100 THEN call_cost END)
FROM ranked GROUP BY {names} ORDER BY cost DESC, {names}
"""


def spend(connection: sqlite3.Connection, by: Sequence[str], since_ns: int, until_ns: int) -> list[Spend]:
    """One row a group, dearest first; one row for everything when `by` is empty.

    Raises `ValueError` for a dimension that is not known or given twice, `sqlite3.Error`.
    """
    unknown = [name for name in by if name not in EXPRESSIONS]
    if unknown or len(set(by)) != len(by):
        raise ValueError(f"unknown or repeated dimension; known: {', '.join(EXPRESSIONS)}")
    expressions = [EXPRESSIONS[name] for name in by] or ["NULL"]
    names = [f"g{i}" for i in range(len(expressions))]
    groups = ", ".join(f"{sql} AS {name}" for sql, name in zip(expressions, names, strict=True))
    query = _QUERY.format(groups=groups, names=", ".join(names))
    return [Spend(tuple(row[: len(by)]), *row[len(names) :]) for row in connection.execute(query, (since_ns, until_ns))]
