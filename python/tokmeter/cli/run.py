"""`tokmeter run`: one command with its LLM traffic metered, and capped. Needs no root and changes no code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import ClassVar

import click

from tokmeter._core import Budget
from tokmeter.capture.proxy import environment, event_loop_factory, existing_roots, write_trust
from tokmeter.cli.options import config_option
from tokmeter.cli.planning import single_run
from tokmeter.cli.summary import Summary
from tokmeter.config import Config, load
from tokmeter.config.schema import MODES
from tokmeter.errors import TokmeterError
from tokmeter.runtime.sidecar import Plan, Running, running

BUDGET_NAME = "run"
SIGNALLED = 128
"""Added to the number of the signal that ended the command, as shells do."""
FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
TYPED = (signal.SIGINT, signal.SIGQUIT)
"""Signals that a terminal sends to the command and to us alike."""


class CommandNotFoundError(TokmeterError):
    """There is no such command."""

    exit_code: ClassVar[int] = 127


class CommandNotExecutableError(TokmeterError):
    """The command exists and cannot be run."""

    exit_code: ClassVar[int] = 126


def _dollars(_context: click.Context, _option: click.Parameter, value: str | None) -> Decimal | None:
    """An amount in USD above zero."""
    if value is None:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is no amount; write for example 0.50") from None
    if not amount.is_finite() or amount <= 0 or amount != round(amount, 9):
        raise click.BadParameter(f"{value} is not above zero with at most nine decimal places")
    return amount


@click.command("run", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--budget", callback=_dollars, metavar="USD", help="Refuse calls that would cost more than this in all.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the summary to a file."
)
@click.option("--metrics", metavar="H:P", help="Serve metrics and events there while the command runs.")
@config_option
@click.argument("command_line", metavar="-- CMD...", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    budget: Decimal | None,
    json_file: Path | None,
    metrics: str | None,
    config: Path | None,
    command_line: tuple[str, ...],
) -> int:
    """Run CMD with its LLM traffic metered, and print what it cost.

    Prints calls, tokens and dollars by model on standard error at the end, and exits with CMD's own status.
    """
    loaded = load(config, os.environ)
    summary = Summary(budget)
    plan = single_run(
        loaded,
        os.environ,
        process=Path(command_line[0]).name,
        budgets=[] if budget is None else [_cap(budget, loaded)],
        metrics=metrics,
        sinks=[summary.add],
    )
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        status = runner.run(_run(plan, command_line))
    for line in summary.lines():
        click.echo(line, err=True)
    if json_file is not None:
        _write(json_file, summary.to_json(status))
    return status


def _cap(budget: Decimal, config: Config) -> Budget:
    mode = min("enforce", config.mode, key=MODES.index)
    return Budget(BUDGET_NAME, scope=[], period="total", usd=f"{budget:f}", mode=mode, remembers=False)


async def _run(plan: Plan, command_line: tuple[str, ...]) -> int:
    async with running(plan) as started:
        with tempfile.TemporaryDirectory(prefix="tokmeter-run-") as own:
            variables = _environment(plan, started, os.environ, Path(own))
            process = await _spawn(command_line, {**os.environ, **variables})
            async with _signals_forwarded(process):
                status = await process.wait()
    return status if status >= 0 else SIGNALLED - status


def _environment(plan: Plan, started: Running, environ: Mapping[str, str], own: Path) -> dict[str, str]:
    """The variables of the command; says on standard error which of the user's own were replaced."""
    roots = existing_roots(environ)
    # Roots of the user's own go into a bundle of this run's own; without them all runs share one.
    directory = own if roots else plan.trust
    files = write_trust(directory, started.authority, roots=list(roots.values()))
    host, port = started.proxy[0]
    found = environment(
        f"http://{host}:{port}",
        files,
        existing=environ,
        metered_hosts=started.meter.hosts(),
        merged=roots.keys(),
        replace=True,
    )
    for conflict in found.conflicts:
        click.echo(f"tokmeter: {conflict.name}={conflict.value} is replaced for this run: {conflict.wanted}", err=True)
    return found.variables


async def _spawn(command_line: tuple[str, ...], environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(*command_line, env=environ)
    except FileNotFoundError as reason:
        raise CommandNotFoundError("command not found", where=command_line[0], hint="is it on PATH?") from reason
    except OSError as reason:
        raise CommandNotExecutableError(
            f"the command cannot be run: {reason.strerror}", where=command_line[0]
        ) from reason


@asynccontextmanager
async def _signals_forwarded(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Pass on what is sent to us; what the terminal sends, the command receives itself."""
    loop = asyncio.get_running_loop()

    def forward(number: signal.Signals) -> None:
        if process.returncode is None and not (number in TYPED and _in_foreground()):
            process.send_signal(number)

    for number in (*FORWARDED, *TYPED):
        loop.add_signal_handler(number, forward, number)
    try:
        yield
    finally:
        for number in (*FORWARDED, *TYPED):
            loop.remove_signal_handler(number)


def _in_foreground() -> bool:
    """Whether this process group is what the terminal sends its signals to."""
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno() if sys.__stdin__ else 0) == os.getpgrp()
    except (OSError, ValueError):
        return False


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n")
    except OSError as reason:
        raise TokmeterError(f"the summary cannot be written: {reason.strerror}", where=str(path)) from reason
