"""The live table as a value: finished exchanges in, rows out. Knows no socket, no terminal and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tokmeter.watch.finished import Finished
from tokmeter.watch.source import Stops, Unmetered

ROWS_MAX = 500
"""Rows kept; what comes beyond is summed up in one row named `other`."""
RATE_SECONDS = 60
"""Length of the window that the cost per minute is taken over."""

UNITS = ("nano_usd", "tokens", "requests")
"""What a budget may limit; money is integer nano-USD."""

type Key = tuple[str, str, str, str]
OTHER: Key = ("other", "other", "other", "other")


@dataclass(slots=True)
class Row:
    """The sums of one service, process, provider and model. Money is integer nano-USD."""

    calls: int = 0
    refused: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cost_nano_usd: int = 0
    unpriced: int = 0
    _recent: dict[int, int] = field(default_factory=dict)

    def spend(self, second: int, nano_usd: int) -> None:
        """Adds cost that fell due in that second since the epoch."""
        self.cost_nano_usd += nano_usd
        self._recent[second] = self._recent.get(second, 0) + nano_usd
        if len(self._recent) > 2 * RATE_SECONDS:
            newest = max(self._recent)
            self._recent = {at: cost for at, cost in self._recent.items() if at > newest - RATE_SECONDS}

    def per_minute_nano_usd(self, second: int) -> int:
        """Cost of the minute that ends with that second."""
        return sum(cost for at, cost in self._recent.items() if second - RATE_SECONDS < at <= second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One budget account: what is spent, held and allowed, in the unit of its tightest limit."""

    name: str
    account: str
    mode: str
    unit: str
    limit: int
    spent: int
    held: int
    refusals: int | None
    resets_ns: int | None

    @property
    def left(self) -> int:
        """What may still be spent; never negative."""
        return max(0, self.limit - self.spent - self.held)


class Board:
    """Everything the live view shows."""

    def __init__(self) -> None:
        """Starts empty."""
        self.rows: dict[Key, Row] = {}
        self.budgets: list[Budget] = []
        self.stopped = Stops()
        self.unmetered: Sequence[Unmetered] = ()
        self.malformed = 0
        """Events that could not be read, as the source reports them."""

    def add(self, exchange: Finished) -> None:
        """Add one finished exchange."""
        row = self._row((exchange.service, exchange.process, exchange.provider, exchange.model))
        row.calls += 1
        row.refused += exchange.refused
        row.input_tokens += exchange.input_tokens
        row.output_tokens += exchange.output_tokens
        row.cache_read_tokens += exchange.cache_read_tokens
        row.unpriced += not exchange.priced and not exchange.refused
        row.spend(exchange.second, exchange.cost_nano_usd)

    def account(self, budgets: Iterable[Mapping[str, Any]]) -> None:
        """Replaces the budgets by those given, as a snapshot or `/budgets` lists them."""
        self.budgets = [line for budget in budgets if (line := _tightest(budget)) is not None]

    def ordered(self) -> list[tuple[Key, Row]]:
        """The rows, dearest first."""
        return sorted(self.rows.items(), key=lambda item: (-item[1].cost_nano_usd, -item[1].calls, item[0]))

    def total(self) -> Row:
        """The sum of all rows, without its rate."""
        total = Row()
        for row in self.rows.values():
            total.calls += row.calls
            total.refused += row.refused
            total.input_tokens += row.input_tokens
            total.output_tokens += row.output_tokens
            total.cache_read_tokens += row.cache_read_tokens
            total.cost_nano_usd += row.cost_nano_usd
            total.unpriced += row.unpriced
        return total

    def _row(self, key: Key) -> Row:
        if key not in self.rows and len(self.rows) >= ROWS_MAX:
            key = OTHER
        return self.rows.setdefault(key, Row())


def limits(account: Mapping[str, Any]) -> list[Budget]:
    """A budget account, as a snapshot gives it, once for each unit that it limits."""
    return [
        Budget(
            name=str(account["name"]),
            account=str(account["account"]),
            mode=str(account["mode"]),
            unit=unit,
            limit=int(account[f"limit_{unit}"]),
            spent=int(account[f"spent_{unit}"]),
            held=int(account[f"held_{unit}"]),
            refusals=account["refusals"],
            resets_ns=account["resets_ns"],
        )
        for unit in UNITS
        if account.get(f"limit_{unit}") is not None
    ]


def _tightest(account: Mapping[str, Any]) -> Budget | None:
    """The unit of which the largest share is gone; None when the account limits nothing."""
    return max(limits(account), key=lambda line: Decimal(line.spent + line.held) / max(line.limit, 1), default=None)
