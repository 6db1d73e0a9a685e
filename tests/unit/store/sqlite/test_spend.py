"""Sums and exact percentiles by any dimension, and no other word in the query."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.store.sample import START_NS, entry

from tokmeter.store.ledger import DIMENSIONS, USAGE, Correction, Spend
from tokmeter.store.sqlite import SqliteLedger, SqliteReader
from tokmeter.store.sqlite.spend import EXPRESSIONS

PATIENCE_S = 30.0
ALWAYS = (0, 2**63 - 1)
HOUR_NS = 3_600_000_000_000


class Books:
    """A ledger to fill and ask."""

    def __init__(self, path: Path) -> None:
        self.ledger = SqliteLedger.open(path)
        self.reader = SqliteReader.open(path)

    def add(self, **changed: object) -> None:
        self.ledger.append(entry(self.ledger.state().queued + self.ledger.written, **changed))
        assert self.ledger.flush(PATIENCE_S)

    def spend(self, *by: str) -> list[Spend]:
        return self.reader.spend(by, *ALWAYS)


@pytest.fixture
def books(tmp_path: Path) -> Iterator[Books]:
    books = Books(tmp_path / "ledger.db")
    yield books
    books.reader.close()
    books.ledger.close(PATIENCE_S)


def test_sums_a_group_and_puts_the_dearest_first(books: Books) -> None:
    usage = dict.fromkeys(USAGE, 0) | {
        "input_tokens": 100,
        "output_tokens": 20,
        "cache_read_tokens": 40,
        "cache_write_5m_tokens": 3,
        "cache_write_1h_tokens": 4,
        "reasoning_tokens": 5,
    }
    books.add(service="a", cost_nano_usd=10, usage=usage)
    books.add(service="b", cost_nano_usd=30, usage=usage)
    books.add(service="a", cost_nano_usd=5, usage=dict.fromkeys(USAGE, None))

    assert books.spend("service") == [
        Spend(("b",), 1, 100, 20, 40, 7, 5, 30, 0, 30, 30, 30),
        Spend(("a",), 2, 100, 20, 40, 7, 5, 15, 0, 5, 10, 10),
    ]


def test_everything_is_one_group_when_nothing_is_asked(books: Books) -> None:
    books.add(cost_nano_usd=1)
    books.add(cost_nano_usd=2)

    (found,) = books.spend()

    assert (found.group, found.calls, found.cost_nano_usd) == ((), 2, 3)


def test_an_empty_ledger_has_no_groups(books: Books) -> None:
    assert books.spend() == []
    assert books.spend("model", "day") == []


@pytest.mark.parametrize("count", [1, 2, 3, 10, 99, 100, 101, 150])
def test_percentiles_are_nearest_rank(books: Books, count: int) -> None:
    costs = [(7919 * i) % 10_007 for i in range(count)]
    for number, cost in enumerate(costs):
        books.ledger.append(entry(number, cost_nano_usd=cost))
    books.ledger.flush(PATIENCE_S)

    (found,) = books.spend()

    expected = tuple(sorted(costs)[math.ceil(p * count / 100) - 1] for p in (50, 95, 99))
    assert (found.p50_nano_usd, found.p95_nano_usd, found.p99_nano_usd) == expected


def test_unpriced_calls_are_counted_not_taken_for_free(books: Books) -> None:
    books.add(cost_nano_usd=None, priced=False)
    books.add(cost_nano_usd=8)

    (found,) = books.spend()

    assert (found.calls, found.unpriced, found.cost_nano_usd, found.p50_nano_usd) == (2, 1, 8, 8)


def test_a_group_without_any_price_has_no_percentiles(books: Books) -> None:
    books.add(cost_nano_usd=None, priced=False)

    (found,) = books.spend("model")

    assert (found.cost_nano_usd, found.p50_nano_usd, found.p99_nano_usd) == (0, None, None)


def test_refused_calls_do_not_make_calls_look_cheap(books: Books) -> None:
    books.add(cost_nano_usd=0, decision="refuse", outcome="refused", status=429)
    books.add(cost_nano_usd=9)

    (found,) = books.spend()

    assert (found.calls, found.p50_nano_usd) == (2, 9)
    assert {s.group[0]: s.calls for s in books.spend("decision")} == {"admit": 1, "refuse": 1}


def test_what_asked_no_model_is_not_a_call(books: Books) -> None:
    books.add(llm=False, cost_nano_usd=0)

    assert books.spend() == []


def test_corrections_are_in_the_sums_and_the_percentiles(books: Books) -> None:
    books.add(id="x", cost_nano_usd=100)
    books.ledger.correct(Correction("c", "x", "reconciled", cost_nano_usd=-40))
    books.ledger.flush(PATIENCE_S)

    (found,) = books.spend()

    assert (found.calls, found.cost_nano_usd, found.p50_nano_usd) == (1, 60, 60)


@pytest.mark.parametrize(
    ("by", "expected"), [("hour", "2026-01-01T05:00Z"), ("day", "2026-01-01"), ("month", "2026-01")]
)
def test_time_is_grouped_in_utc(books: Books, by: str, expected: str) -> None:
    books.add(time_ns=START_NS + 5 * HOUR_NS + 59 * 60_000_000_000)
    books.add(time_ns=START_NS + 5 * HOUR_NS)

    assert [(s.group, s.calls) for s in books.spend(by)] == [((expected,), 2)]


def test_the_model_is_the_one_that_answered_else_the_one_asked_for(books: Books) -> None:
    books.add(request_model="gpt-4o", response_model=None)
    books.add(request_model="gpt-4o", response_model="gpt-4o-2024-08-06")
    books.add(request_model=None, response_model=None)

    assert {s.group[0] for s in books.spend("model")} == {"gpt-4o", "gpt-4o-2024-08-06", None}


def test_every_dimension_can_be_asked_for_alone_and_together(books: Books) -> None:
    books.add(user="u", process="p", pod="p-0", namespace="n", organization="o")

    for name in DIMENSIONS:
        assert len(books.spend(name)[0].group) == 1
    found = dict(zip(DIMENSIONS, books.spend(*DIMENSIONS)[0].group, strict=True))
    assert found["user"] == "u"
    assert found["key"] == "f1"
    assert found["organization"] == "o"


def test_the_whitelist_is_the_documented_one() -> None:
    assert tuple(EXPRESSIONS) == DIMENSIONS


@pytest.mark.parametrize("by", [("nothing",), ("service; DROP TABLE entry",), ("service", "service"), ("id",)])
def test_no_other_word_becomes_sql(books: Books, by: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="dimension"):
        books.spend(*by)
