"""The live table as a value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tokmeter.watch.finished import Finished
from tokmeter.watch.model import OTHER, RATE_SECONDS, ROWS_MAX, Board, limits

CALL = Finished(
    service="checkout",
    process="-",
    provider="openai",
    model="gpt-4o",
    second=1_000,
    input_tokens=100,
    output_tokens=10,
    cache_read_tokens=40,
    cost_nano_usd=1_000_000,
    refused=False,
    priced=True,
)

ACCOUNT: dict[str, Any] = {
    "name": "daily",
    "account": "service=checkout",
    "mode": "enforce",
    "limit_nano_usd": 1_000,
    "spent_nano_usd": 200,
    "held_nano_usd": 100,
    "limit_tokens": 100,
    "spent_tokens": 90,
    "held_tokens": 0,
    "limit_requests": None,
    "spent_requests": 3,
    "held_requests": 0,
    "refusals": 2,
    "resets_ns": None,
}


def test_exchanges_of_one_key_are_summed() -> None:
    board = Board()
    board.add(CALL)
    board.add(CALL)
    board.add(
        replace(CALL, refused=True, cost_nano_usd=0, input_tokens=0, output_tokens=0, cache_read_tokens=0, priced=False)
    )

    ((key, row),) = board.ordered()

    assert key == ("checkout", "-", "openai", "gpt-4o")
    assert (row.calls, row.refused, row.input_tokens, row.output_tokens, row.cache_read_tokens) == (3, 1, 200, 20, 80)
    assert row.cost_nano_usd == 2_000_000
    assert row.unpriced == 0, "a refused call has nothing to price"


def test_the_dearest_row_comes_first() -> None:
    board = Board()
    board.add(CALL)
    board.add(replace(CALL, model="cheap", cost_nano_usd=1))
    board.add(replace(CALL, model="dear", cost_nano_usd=10**9))

    assert [key[3] for key, _ in board.ordered()] == ["dear", "gpt-4o", "cheap"]
    assert board.total().cost_nano_usd == 10**9 + 1_000_001


def test_the_rate_covers_the_last_minute_only() -> None:
    board = Board()
    board.add(CALL)
    board.add(replace(CALL, second=1_030))
    ((_, row),) = board.ordered()

    assert row.per_minute_nano_usd(1_030) == 2_000_000
    assert row.per_minute_nano_usd(1_000 + RATE_SECONDS) == 1_000_000
    assert row.per_minute_nano_usd(1_030 + RATE_SECONDS) == 0
    assert row.per_minute_nano_usd(999) == 0


def test_memory_for_the_rate_is_bounded() -> None:
    board = Board()
    for second in range(10_000):
        board.add(replace(CALL, second=second))
    ((_, row),) = board.ordered()

    assert row.per_minute_nano_usd(9_999) == RATE_SECONDS * 1_000_000
    assert len(row._recent) <= 2 * RATE_SECONDS


def test_rows_beyond_the_bound_are_summed_up() -> None:
    board = Board()
    for number in range(ROWS_MAX + 50):
        board.add(replace(CALL, model=f"model-{number}"))

    assert len(board.rows) == ROWS_MAX + 1
    assert board.rows[OTHER].calls == 50
    assert board.total().calls == ROWS_MAX + 50


def test_a_budget_shows_the_unit_of_which_most_is_gone() -> None:
    board = Board()
    board.account([ACCOUNT])

    (budget,) = board.budgets
    assert (budget.unit, budget.limit, budget.spent, budget.left) == ("tokens", 100, 90, 10)


def test_an_account_without_limits_is_not_shown() -> None:
    board = Board()
    board.account([ACCOUNT | {"limit_nano_usd": None, "limit_tokens": None}])

    assert board.budgets == []


def test_what_is_left_is_never_negative_and_counts_what_is_held() -> None:
    money, tokens = limits(ACCOUNT | {"spent_tokens": 500})

    assert (money.unit, money.left) == ("nano_usd", 700)
    assert tokens.left == 0
