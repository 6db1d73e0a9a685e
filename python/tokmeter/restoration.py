"""What a process takes over from those before it: what its budgets remember, and what was learned. Knows no store."""

from __future__ import annotations

from collections.abc import Iterable

from tokmeter._core import Meter
from tokmeter.config import BudgetConfig
from tokmeter.store.ledger import Calibration, Ledger, LedgerReader

HOUR_NS = 3_600 * 10**9
LOOKBACK_NS = {
    "request": 0,
    "minute": HOUR_NS,
    "hour": 2 * HOUR_NS,
    "day": 26 * HOUR_NS,
    "week": 8 * 24 * HOUR_NS,
    "month": 32 * 24 * HOUR_NS,
}
"""How long before now a current window may have begun, with room for a change of clocks; `total` began with the first entry."""


def since(budgets: Iterable[BudgetConfig], now: int) -> int | None:
    """The earliest instant that a current window of `budgets` may reach back to; None when nothing is to be restored."""
    periods = {budget.window.period for budget in budgets if budget.mode != "off"}
    if "total" in periods:
        return 0
    reach = max((LOOKBACK_NS[period] for period in periods), default=0)
    return now - reach if reach else None


def restore(meter: Meter, reader: LedgerReader, budgets: Iterable[BudgetConfig], now: int) -> int:
    """Charge the recorded exchanges of the current windows to `meter`'s budgets; returns how many there were."""
    start = since(budgets, now)
    if start is None:
        return 0
    restored = 0
    for entry in reader.entries(start, now):
        meter.restore(entry, now)
        restored += 1
    return restored


class Learning:
    """Carries what the meter learns about its own counts to the ledger, and from there to the next process."""

    def __init__(self, meter: Meter, ledger: Ledger) -> None:
        """Learns nothing yet."""
        self._meter = meter
        self._ledger = ledger
        self._kept: set[Calibration] = set()

    def restore(self, reader: LedgerReader) -> None:
        """Teach the meter what earlier processes learned."""
        for kept in reader.calibrations():
            self._meter.restore_calibration(kept.provider, kept.model, kept.input, kept.output)
        self._kept = self._learned()

    def keep(self) -> None:
        """Hand what is new to the ledger."""
        learned = self._learned()
        for calibration in learned - self._kept:
            self._ledger.learn(calibration)
        self._kept = learned

    def _learned(self) -> set[Calibration]:
        return {Calibration(*calibration) for calibration in self._meter.calibrations()}
