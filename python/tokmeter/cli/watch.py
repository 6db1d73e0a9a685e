"""`tokmeter watch`: a refreshing table of spend, from the tracer on this host, a sidecar or a ledger."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

import click

from tokmeter.cli.options import config_option
from tokmeter.cli.tracing import TraceOptions, traced
from tokmeter.clock import now_ns
from tokmeter.store.sqlite import SqliteReader
from tokmeter.watch.finished import Finished
from tokmeter.watch.ledger import LedgerSource
from tokmeter.watch.model import Board
from tokmeter.watch.plain import UNMETERED_SHOWN, render, unmetered_line
from tokmeter.watch.sidecar import SidecarSource
from tokmeter.watch.source import Source

CLEAR = "\x1b[H\x1b[J"
FIXED_LINES = 4
"""Lines of a screen that are not rows: header, total, remarks and the cursor."""


@click.command("watch")
@click.option("--pid", "pids", metavar="PID", type=int, multiple=True, help="Trace this process and its children.")
@click.option("--cgroup", "cgroups", metavar="PATH", multiple=True, help="Trace the processes of a control group.")
@click.option("--container", "containers", metavar="NAME|ID", multiple=True, help="Trace those of a container.")
@click.option("--pod", "pods", metavar="NAMESPACE/NAME", multiple=True, help="Trace those of a pod of this host.")
@click.option("--all", "everybody", is_flag=True, help="Trace every process; LLM traffic alone is copied.")
@click.option(
    "--loader", type=click.Choice(("auto", "core", "bcc")), default="auto", show_default=True, help="How to trace."
)
@click.option("--no-http", "tls_only", is_flag=True, help="Do not look at HTTP without TLS.")
@click.option(
    "--enforce", is_flag=True, help="Refuse connections to LLMs to processes whose enforced budgets are exhausted."
)
@click.option("--host-root", metavar="DIR", type=click.Path(path_type=Path), help="Where the host's files are mounted.")
@click.option("--metrics", metavar="H:P", help="Serve the metrics of what is traced.")
@click.option("--from", "url", metavar="URL", help="Metrics address of a running `tokmeter proxy`.")
@click.option("--ledger", metavar="FILE", type=click.Path(path_type=Path), help="Ledger to follow.")
@click.option("--plain", is_flag=True, help="A plain refreshing table (the only view so far, and so the default).")
@click.option("--json", "as_json", is_flag=True, help="One object a finished exchange.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Seconds between tables."
)
@click.option("--rounds", type=click.IntRange(min=1), help="Stop after so many tables.")
@config_option
def command(  # noqa: PLR0917 - click gives each by name
    pids: tuple[int, ...],
    cgroups: tuple[str, ...],
    containers: tuple[str, ...],
    pods: tuple[str, ...],
    loader: str,
    host_root: Path | None,
    metrics: str | None,
    url: str | None,
    ledger: Path | None,
    interval: float,
    rounds: int | None,
    config: Path | None,
    *,
    everybody: bool,
    tls_only: bool,
    enforce: bool,
    plain: bool,
    as_json: bool,
) -> None:
    """Show spend by service, process, provider and model as it happens, until interrupted.

    Either traces processes of this host (as root, with --pid, --cgroup, --container, --pod or --all), or follows a sidecar
    or a ledger.

    On a terminal the table is redrawn in place; in a pipe each table follows the last.
    """
    selected = bool(pids or cgroups or containers or pods or everybody)
    if (selected, url is not None, ledger is not None).count(True) != 1:
        raise click.UsageError(
            "give one of --from URL, --ledger FILE and the processes to trace (--pid, --cgroup, --container, --pod, --all)"
        )
    if everybody and (pids or cgroups or containers or pods):
        raise click.UsageError("--all and a selection exclude each other")
    if not selected and (metrics or tls_only or enforce or host_root or loader != "auto"):
        raise click.UsageError(
            "--metrics, --no-http, --enforce, --host-root and --loader are for the processes to trace"
        )
    if plain and as_json:
        raise click.UsageError("--plain and --json exclude each other")
    with ExitStack() as stack:
        source: Source
        if url is not None:
            source = stack.enter_context(SidecarSource(url))
        elif ledger is not None:
            source = LedgerSource(stack.enter_context(SqliteReader.open(ledger)))
        else:
            options = TraceOptions(
                pids=pids,
                cgroups=cgroups,
                containers=containers,
                pods=pods,
                everybody=everybody,
                loader=loader,
                plain=not tls_only,
                host_root=host_root,
                metrics=metrics,
                config=config,
                enforce=enforce,
            )
            source = stack.enter_context(traced(options, os.environ))
        counter = itertools.count() if rounds is None else range(rounds)
        if as_json:
            _objects(source, interval, counter, stack.close)
        else:
            _tables(source, interval, counter)


def _objects(source: Source, interval: float, counter: itertools.count[int] | range, close: Callable[[], None]) -> None:
    told: dict[tuple[int, str, str, str], str] = {}
    for _ in counter:
        _lines(source, interval)
        _words(source, told, again=False)
        if source.ended:
            break
    # What was going on ends with the tracer, and is told.
    close()
    if source.ended:
        _lines(source, 0)
    _words(source, told, again=True)


def _words(source: Source, told: dict[tuple[int, str, str, str], str], *, again: bool) -> None:
    """What is not read, in words: standard output has an object for each exchange and nothing else. Once, or if it has grown."""
    for row in source.unmetered():
        subject, line = (row.pid, row.process, row.host, row.why), unmetered_line(row)
        if subject not in told or (again and told[subject] != line):
            told[subject] = line
            click.echo(f"tokmeter: {line}", err=True)


def _lines(source: Source, limit_s: float) -> None:
    for event in source.events(limit_s):
        click.echo(json.dumps(event, separators=(",", ":")))


def _tables(source: Source, interval: float, counter: itertools.count[int] | range) -> None:
    board = Board()
    unreadable = 0
    screen = sys.stdout.isatty()
    for _ in counter:
        due = monotonic() + interval
        while not source.ended and (left := due - monotonic()) > 0:
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
        board.stopped = source.stopped()
        board.unmetered = source.unmetered()
        below = len(board.budgets) + min(len(board.unmetered), UNMETERED_SHOWN)
        height = shutil.get_terminal_size().lines - FIXED_LINES - below if screen else None
        lines = render(board, now_ns(), rows_max=None if height is None else max(height, 1))
        click.echo((CLEAR if screen else "") + "\n".join(lines) + ("" if screen else "\n"))
        if source.ended:
            break
