"""`tokmeter replay`: meters recordings and prints one object an entry, or a summary by model."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from tokmeter.capture.replay import BrokenEntry, Replay, read
from tokmeter.errors import TokmeterError
from tokmeter.text import lay_out, number


@click.command("replay")
@click.option("--json", "as_json", is_flag=True, help="Print one object an entry, in order.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
def command(files: tuple[Path, ...], *, as_json: bool) -> int:
    """Meter the exchanges recorded in HAR or mitmproxy flow files.

    A broken entry or file is named on standard error and the rest is metered; the status is 1 then.
    """
    sound = True
    totals: dict[tuple[str, str], Totals] = {}
    for path in files:
        replay = Replay()
        try:
            for found in read(path):
                if isinstance(found, BrokenEntry):
                    sound = False
                    click.echo(f"error: entry {found.index} is broken: {found.reason}\n  at: {path}", err=True)
                    continue
                measured = replay.measure(found)
                if as_json:
                    click.echo(measured.line)
                else:
                    _add(totals, measured.values)
        except TokmeterError as error:
            sound = False
            click.echo("\n".join(error.lines()), err=True)
    if not as_json and not totals:
        click.echo("tokmeter: no LLM calls were found", err=True)
    elif not as_json:
        for line in _summary(totals):
            click.echo(line)
    return 0 if sound else 1


def _add(totals: dict[tuple[str, str], Totals], values: dict[str, Any]) -> None:
    if values["llm"]:
        key = (values["provider"], values["response_model"] or values["request_model"] or "-")
        totals.setdefault(key, Totals()).add(values)


class Totals:
    """The sums of one model."""

    def __init__(self) -> None:
        """Start at nothing."""
        self.calls = self.input_tokens = self.output_tokens = self.unpriced = 0
        self.cost = Decimal(0)

    def add(self, values: dict[str, Any]) -> None:
        """Add one exchange."""
        self.calls += 1
        self.input_tokens += values["usage"]["input_tokens"] or 0
        self.output_tokens += values["usage"]["output_tokens"] or 0
        self.cost += Decimal(values["cost_usd"] or 0)
        self.unpriced += not values["priced"]


def _summary(totals: dict[tuple[str, str], Totals]) -> list[str]:
    rows = [
        [
            provider,
            model,
            number(sums.calls),
            number(sums.input_tokens),
            number(sums.output_tokens),
            f"${sums.cost:,.6f}",
            number(sums.unpriced),
        ]
        for (provider, model), sums in sorted(totals.items(), key=lambda item: (-item[1].cost, item[0]))
    ]
    return lay_out(("PROVIDER", "MODEL", "CALLS", "INPUT", "OUTPUT", "COST", "UNPRICED"), rows, left=2)
