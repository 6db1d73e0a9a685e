"""The manual clock."""

from __future__ import annotations

import pytest

from tokmeter.testing import ManualClock


def test_it_stands_still_until_moved() -> None:
    clock = ManualClock("2026-01-01T00:00:00+00:00")

    assert clock() == clock() == 1_767_225_600_000_000_000
    assert clock.advance(1.5) == 1_767_225_601_500_000_000
    assert clock.advance(ns=1) == clock() == 1_767_225_601_500_000_001


def test_it_keeps_microseconds_exactly() -> None:
    assert ManualClock("2026-01-01T00:00:00.123457+00:00")() == 1_767_225_600_123_457_000


def test_it_goes_back_only_by_setting() -> None:
    clock = ManualClock(10)

    with pytest.raises(ValueError, match="set"):
        clock.advance(-1)
    assert clock.set(5) == clock() == 5


def test_an_instant_needs_an_offset() -> None:
    with pytest.raises(ValueError, match="offset"):
        ManualClock("2026-01-01T00:00:00")
