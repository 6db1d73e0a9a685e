"""How far back the ledger is charged to the budgets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import pytest

from tokmeter.config import BudgetConfig, LimitConfig, WindowConfig
from tokmeter.restoration import LOOKBACK_NS, Learning, restore, since
from tokmeter.store.ledger import Calibration

NOW = 1_767_225_600_000_000_000
HOUR = 3_600 * 10**9

type Period = Literal["request", "minute", "hour", "day", "week", "month", "total"]


def budget(period: Period, mode: Literal["off", "shadow", "enforce"] = "enforce") -> BudgetConfig:
    return BudgetConfig(name=period, limit=LimitConfig(requests=1), window=WindowConfig(period=period), mode=mode)


@pytest.mark.parametrize(
    ("period", "longest_ns"),
    [
        ("minute", HOUR // 60),
        ("hour", HOUR),
        ("day", 25 * HOUR),
        ("week", (7 * 24 + 1) * HOUR),
        ("month", (31 * 24 + 1) * HOUR),
    ],
)
def test_every_window_lies_within_its_lookback(period: str, longest_ns: int) -> None:
    assert LOOKBACK_NS[period] >= longest_ns


def test_the_longest_window_decides() -> None:
    assert since([budget("day"), budget("month"), budget("hour")], NOW) == NOW - LOOKBACK_NS["month"]


def test_a_total_reaches_back_to_the_beginning() -> None:
    assert since([budget("total"), budget("day")], NOW) == 0


def test_nothing_is_restored_for_single_requests_or_budgets_that_are_off() -> None:
    assert since([budget("request"), budget("total", "off")], NOW) is None
    assert since([], NOW) is None


class Reader:
    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def entries(self, since_ns: int, until_ns: int) -> Iterator[dict[str, Any]]:
        self.asked.append((since_ns, until_ns))
        yield from ({"id": "a"}, {"id": "b"})


class Meter:
    def __init__(self) -> None:
        self.restored: list[tuple[dict[str, Any], int]] = []

    def restore(self, entry: dict[str, Any], now: int) -> None:
        self.restored.append((entry, now))


def test_each_entry_is_charged_once() -> None:
    meter, reader = Meter(), Reader()

    count = restore(meter, reader, [budget("day")], NOW)  # type: ignore[arg-type]  # the two methods that are used

    assert count == 2
    assert meter.restored == [({"id": "a"}, NOW), ({"id": "b"}, NOW)]
    assert reader.asked == [(NOW - LOOKBACK_NS["day"], NOW)]


def test_the_ledger_is_not_read_when_no_window_reaches_back() -> None:
    reader = Reader()

    assert restore(Meter(), reader, [], NOW) == 0  # type: ignore[arg-type]  # the two methods that are used
    assert reader.asked == []


class Store:
    """A ledger and its reader, as far as learning goes."""

    def __init__(self, *kept: Calibration) -> None:
        self.kept = list(kept)
        self.learned: list[Calibration] = []

    def calibrations(self) -> list[Calibration]:
        return self.kept

    def learn(self, calibration: Calibration) -> None:
        self.learned.append(calibration)


class Pupil:
    """A meter, as far as learning goes."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], tuple[str, str]] = {}

    def calibrations(self) -> list[tuple[str, str, str, str]]:
        return [(*key, *value) for key, value in self.known.items()]

    def restore_calibration(self, provider: str, model: str, prompts: str, replies: str) -> None:
        self.known[provider, model] = (prompts, replies)


def test_what_was_learned_is_taken_over_and_only_what_is_new_is_kept() -> None:
    old, store, pupil = Calibration("p", "m", "112:40", ""), Store(Calibration("p", "m", "112:40", "")), Pupil()
    learning = Learning(pupil, store)  # type: ignore[arg-type]  # the methods that are used

    learning.restore(store)  # type: ignore[arg-type]  # the methods that are used
    learning.keep()
    assert (pupil.calibrations(), store.learned) == ([("p", "m", "112:40", "")], [])

    pupil.known["p", "n"] = ("90:1", "")
    pupil.known["p", "m"] = ("112:41", "")
    learning.keep()
    learning.keep()
    assert set(store.learned) == {Calibration("p", "n", "90:1", ""), Calibration("p", "m", "112:41", "")}
    assert len(store.learned) == 2
    assert old not in store.learned
