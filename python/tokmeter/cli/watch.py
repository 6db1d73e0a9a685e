"""`tokmeter watch`: a refreshing table of spend, from a sidecar or a ledger."""

from __future__ import annotations

import itertools
import json
import shutil
import sys
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import click

from tokmeter.clock import now_ns
from tokmeter.store.sqlite import SqliteReader
from tokmeter.watch.finished import Finished
from tokmeter.watch.ledger import LedgerSource
from tokmeter.watch.model import Board
from tokmeter.watch.plain import render
from tokmeter.watch.sidecar import SidecarSource
from tokmeter.watch.source import Source

CLEAR = "\x1b[H\x1b[J"
FIXED_LINES = 4
"""Lines of a screen that are not rows: header, total, remarks and the cursor."""


@click.command("watch")
@click.option("--from", "url", metavar="URL", help="Metrics address of a running `tokmeter proxy`.")
@click.option("--ledger", metavar="FILE", type=click.Path(path_type=Path), help="Ledger to follow.")
@click.option("--plain", is_flag=True, help="A plain refreshing table (the only view so far, and so the default).")
@click.option("--json", "as_json", is_flag=True, help="One object a finished exchange.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Seconds between tables."
)
@click.option("--rounds", type=click.IntRange(min=1), help="Stop after so many tables.")
def command(
    url: str | None, ledger: Path | None, interval: float, rounds: int | None, *, plain: bool, as_json: bool
) -> None:
    """Show spend by service, process, provider and model as it happens, until interrupted.

    On a terminal the table is redrawn in place; in a pipe each table follows the last.
    """
    if (url is None) == (ledger is None):
        raise click.UsageError("give one of --from URL and --ledger FILE")
    if plain and as_json:
        raise click.UsageError("--plain and --json exclude each other")
    with ExitStack() as stack:
        source: Source
        if url is not None:
            source = stack.enter_context(SidecarSource(url))
        else:
            source = LedgerSource(stack.enter_context(SqliteReader.open(ledger or Path())))
        counter = itertools.count() if rounds is None else range(rounds)
        if as_json:
            for _ in counter:
                for event in source.events(interval):
                    click.echo(json.dumps(event, separators=(",", ":")))
        else:
            _tables(source, interval, counter)


def _tables(source: Source, interval: float, counter: itertools.count[int] | range) -> None:
    board = Board()
    unreadable = 0
    screen = sys.stdout.isatty()
    for _ in counter:
        due = monotonic() + interval
        while (left := due - monotonic()) > 0:
            for event in source.events(left):
                try:
                    exchange = Finished.from_event(event)
                except ValueError:
                    unreadable += 1
                    continue
                if exchange is not None:
                    board.add(exchange)
        board.malformed = unreadable + source.malformed
        board.account(source.budgets())
        height = shutil.get_terminal_size().lines - FIXED_LINES - len(board.budgets) if screen else None
        lines = render(board, now_ns(), rows_max=None if height is None else max(height, 1))
        click.echo((CLEAR if screen else "") + "\n".join(lines) + ("" if screen else "\n"))
