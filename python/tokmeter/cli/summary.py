"""What one run used and cost, by model. Pure: knows ledger entries, no process and no proxy."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Protocol

from tokmeter.text import NANO, exact_usd, lay_out, number, usd

HEADER = ("PROVIDER", "MODEL", "CALLS", "REFUSED", "INPUT", "OUTPUT", "CACHED", "COST")

WORST_CASE = (
    "A call is refused when its longest possible reply would not fit into what is left: "
    "limit replies in the program (max_tokens), or raise the budget."
)


class Finished(Protocol):
    """The part of a ledger entry that a summary needs."""

    @property
    def llm(self) -> bool:
        """Whether it asked a model for something."""

    @property
    def provider(self) -> str:
        """Who served it."""

    @property
    def request_model(self) -> str | None:
        """The model asked for."""

    @property
    def response_model(self) -> str | None:
        """The model that answered."""

    @property
    def usage(self) -> dict[str, int | None]:
        """The eleven counts of the JSON contract, by name."""

    @property
    def cost_nano_usd(self) -> int | None:
        """Its cost; None when the model has no price."""

    @property
    def priced(self) -> bool:
        """Whether a price was found, or there was nothing to pay."""

    @property
    def decision(self) -> str:
        """admit, refuse or cut."""


class Sums:
    """The sums of one model, or of all."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.calls = self.refused = self.unpriced = 0
        self.input_tokens = self.output_tokens = self.cache_read_tokens = 0
        self.cost_nano_usd = 0

    def add(self, entry: Finished) -> None:
        """Add one exchange."""
        refused = entry.decision == "refuse"
        self.calls += 1
        self.refused += refused
        self.unpriced += not entry.priced and not refused
        self.input_tokens += entry.usage["input_tokens"] or 0
        self.output_tokens += entry.usage["output_tokens"] or 0
        self.cache_read_tokens += entry.usage["cache_read_tokens"] or 0
        self.cost_nano_usd += entry.cost_nano_usd or 0

    def cells(self) -> list[str]:
        """The numbers, in the order of the header."""
        counts = (self.calls, self.refused, self.input_tokens, self.output_tokens, self.cache_read_tokens)
        return [*(number(count) for count in counts), usd(self.cost_nano_usd)]

    def values(self) -> dict[str, object]:
        """The numbers by name; money is an exact decimal string in USD."""
        return {
            "calls": self.calls,
            "refused": self.refused,
            "unpriced": self.unpriced,
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cache_read_tokens": self.cache_read_tokens,
            "cost_usd": exact_usd(self.cost_nano_usd),
        }


class Summary:
    """Adds up the exchanges of one run."""

    def __init__(self, budget: Decimal | None) -> None:
        """`budget` is the cap of the run in USD, if it has one."""
        self._budget = budget
        self._total = Sums()
        self._models: dict[tuple[str, str], Sums] = {}

    def add(self, entry: Finished) -> None:
        """Add a finished exchange, if it asked a model for something."""
        if not entry.llm:
            return
        key = (entry.provider, entry.response_model or entry.request_model or "-")
        self._models.setdefault(key, Sums()).add(entry)
        self._total.add(entry)

    def lines(self) -> list[str]:
        """The summary for people."""
        total = self._total
        if not total.calls:
            return ["tokmeter: no LLM calls were seen"]
        rows = [[*key, *sums.cells()] for key, sums in self._ordered()]
        if len(rows) > 1:
            rows.append(["total", "", *total.cells()])
        lines = ["", "tokmeter:", *lay_out(HEADER, rows, left=2)]
        if total.unpriced:
            lines.append(f"{number(total.unpriced)} calls have no price and are missing from COST")
        if self._budget is not None:
            left = self._left()
            lines.append(
                f"budget {usd(int(self._budget * NANO))}, left {usd(left)}, "
                f"refused {number(total.refused)} of {number(total.calls)} calls"
            )
            if total.refused and left > 0:
                lines.append(WORST_CASE)
        return lines

    def to_json(self, status: int) -> str:
        """The summary for programs; `status` is the command's."""
        models = [{"provider": key[0], "model": key[1], **sums.values()} for key, sums in self._ordered()]
        budget = None
        if self._budget is not None:
            budget = {"usd": exact_usd(int(self._budget * NANO)), "left_usd": exact_usd(self._left())}
        return json.dumps({"status": status, **self._total.values(), "budget": budget, "models": models}, indent=2)

    def _left(self) -> int:
        return int((self._budget or 0) * NANO) - self._total.cost_nano_usd

    def _ordered(self) -> list[tuple[tuple[str, str], Sums]]:
        return sorted(self._models.items(), key=lambda item: (-item[1].cost_nano_usd, item[0]))
