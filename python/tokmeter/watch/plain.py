"""The live table as lines of text, for any terminal, pipe or log. Knows no source of events."""

from __future__ import annotations

from datetime import UTC, datetime

from tokmeter.text import lay_out, number, octets, usd
from tokmeter.watch.model import Board, Budget, Row
from tokmeter.watch.source import Unmetered

HEADER = ("SERVICE", "PROCESS", "PROVIDER", "MODEL", "CALLS", "REFUSED", "INPUT", "OUTPUT", "CACHED", "COST", "$/MIN")
BUDGET_HEADER = ("BUDGET", "ACCOUNT", "MODE", "SPENT", "HELD", "LIMIT", "LEFT", "REFUSED", "RENEWS")
NANO = 10**9
UNMETERED_SHOWN = 10
"""Lines of what is not read."""


def render(board: Board, now_ns: int, *, rows_max: int | None = None) -> list[str]:
    """The table at that instant: dearest first, at most `rows_max` rows, then the total, then the budgets."""
    second = now_ns // NANO
    ordered = board.ordered()
    shown = ordered if rows_max is None else ordered[:rows_max]
    rows = [
        [*key, *_counts(row), usd(row.cost_nano_usd), usd(row.per_minute_nano_usd(second), places=4)]
        for key, row in shown
    ]
    total = board.total()
    rate = sum(row.per_minute_nano_usd(second) for _, row in ordered)
    name = "total" if len(shown) == len(ordered) else f"total (+{len(ordered) - len(shown)} more)"
    rows.append([name, "", "", "", *_counts(total), usd(total.cost_nano_usd), usd(rate, places=4)])
    lines = lay_out(HEADER, rows, left=4)
    if total.unpriced:
        lines.append(f"{number(total.unpriced)} calls have no price and are missing from COST")
    if board.malformed:
        lines.append(f"{number(board.malformed)} events could not be read")
    if board.stopped.budgets:
        processes = board.stopped.processes
        what = f"{number(processes)} process{'' if processes == 1 else 'es'} refused connections to LLMs"
        lines.append(f"stopped: {what}; exhausted: {', '.join(board.stopped.budgets)}")
    lines += [unmetered_line(row) for row in board.unmetered[:UNMETERED_SHOWN]]
    if len(board.unmetered) > UNMETERED_SHOWN:
        lines.append(f"unmetered: {number(len(board.unmetered) - UNMETERED_SHOWN)} more processes and hosts")
    if board.budgets:
        lines += ["", *lay_out(BUDGET_HEADER, [budget_cells(budget) for budget in board.budgets], left=3)]
    return lines


def unmetered_line(row: Unmetered) -> str:
    """What of a process goes to an LLM without being read, why, and what to do."""
    what = f"{number(row.connections)} connection{'' if row.connections == 1 else 's'}"
    moved = f"{octets(row.sent)} sent, {octets(row.received)} received"
    who = f"pid {row.pid} {row.process}" if row.pid else row.process
    return f"unmetered: {who} -> {row.host}  {what}, {moved}: {row.why}"


def budget_cells(budget: Budget) -> list[str]:
    """One budget account as the cells of `BUDGET_HEADER`."""

    def show(amount: int) -> str:
        return usd(amount) if budget.unit == "nano_usd" else f"{number(amount)} {budget.unit}"

    return [
        budget.name,
        budget.account or "-",
        budget.mode,
        show(budget.spent),
        show(budget.held),
        show(budget.limit),
        show(budget.left),
        number(budget.refusals),
        "never" if budget.resets_ns is None else instant(budget.resets_ns),
    ]


def instant(ns: int) -> str:
    """An instant to the second, in UTC."""
    return datetime.fromtimestamp(ns // NANO, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _counts(row: Row) -> list[str]:
    names = ("calls", "refused", "input_tokens", "output_tokens", "cache_read_tokens")
    return [number(getattr(row, name)) for name in names]
