"""Tables and money for people."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokmeter.text import exact_usd, lay_out, number, octets, usd


@pytest.mark.parametrize(
    ("nano_usd", "shown"),
    [
        (None, "-"),
        (0, "$0.000000"),
        (1_500_000_000, "$1.500000"),
        (499, "$0.000000"),
        (500, "$0.000001"),
        (-42_000, "-$0.000042"),
        (1_234_567_000_000_000, "$1,234,567.000000"),
    ],
)
def test_dollars_are_rounded_half_up(nano_usd: int | None, shown: str) -> None:
    assert usd(nano_usd) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (1_290, "1.2 kB"),
        (120_345, "120 kB"),
        (9_999_999, "9.9 MB"),
        (12_345 * 10**9, "12,345 GB"),
    ],
)
def test_bytes_have_a_unit(count: int, shown: str) -> None:
    assert octets(count) == shown


def test_fewer_places_round_there() -> None:
    assert usd(12_345_678, places=4) == "$0.0123"


@pytest.mark.parametrize(
    ("nano_usd", "text"),
    [(None, None), (0, "0"), (10, "0.00000001"), (1_500_000_000, "1.5"), (2_000_000_000, "2"), (-1, "-0.000000001")],
)
def test_exact_dollars_lose_nothing(nano_usd: int | None, text: str | None) -> None:
    assert exact_usd(nano_usd) == text


@given(st.integers(-(10**30), 10**30))
def test_exact_dollars_read_back_as_the_same_amount(nano_usd: int) -> None:
    text = exact_usd(nano_usd) or ""
    whole, _, fraction = text.removeprefix("-").partition(".")
    assert (-1 if nano_usd < 0 else 1) * (int(whole) * 10**9 + int(fraction.ljust(9, "0") or 0)) == nano_usd
    assert "e" not in text.lower()


def test_numbers_have_separators() -> None:
    assert [number(None), number(0), number(1_234_567)] == ["-", "0", "1,234,567"]


def test_a_table_aligns_words_left_and_numbers_right() -> None:
    assert lay_out(("NAME", "N"), [["a", "1"], ["long", "1000"]]) == ["NAME     N", "a        1", "long  1000"]


def test_a_table_without_rows_is_its_header() -> None:
    assert lay_out(("A", "B"), []) == ["A  B"]
