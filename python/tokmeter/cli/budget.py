"""`tokmeter budget`: budget accounts, what is spent, held and left, and when they renew."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from tokmeter._core import Meter, PriceBook
from tokmeter.cli.options import config_option, configured_ledger, ledger_option
from tokmeter.clock import now_ns
from tokmeter.config import load, meter_arguments
from tokmeter.errors import TokmeterError
from tokmeter.restoration import restore
from tokmeter.store.sqlite import SqliteReader
from tokmeter.text import exact_usd, lay_out
from tokmeter.watch.model import Board, limits
from tokmeter.watch.plain import BUDGET_HEADER, budget_cells, instant
from tokmeter.watch.sidecar import SidecarSource

from_option = click.option("--from", "url", metavar="URL", help="Metrics address of a running `tokmeter proxy`.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print objects.")


@click.group("budget")
def command() -> None:
    """Show budgets: spent, held, left, renewal.

    A running sidecar (--from) knows what is held right now and how many calls it has refused; otherwise the
    configuration's budgets are worked out from the ledger.
    """


@command.command("list")
@from_option
@config_option
@ledger_option
@json_option
def list_budgets(url: str | None, config: Path | None, ledger: Path | None, *, as_json: bool) -> None:
    """List all budget accounts.

    One line each, in the unit of which the most is gone.
    """
    accounts = _accounts(url, config, ledger)
    if as_json:
        click.echo(json.dumps([_record(account) for account in accounts], indent=2))
        return
    if not accounts:
        click.echo("tokmeter: there are no budgets; name the configuration that has them with --config", err=True)
        return
    board = Board()
    board.account(accounts)
    for line in lay_out(BUDGET_HEADER, [budget_cells(budget) for budget in board.budgets], left=3):
        click.echo(line)


@command.command("show")
@click.argument("name")
@from_option
@config_option
@ledger_option
@json_option
def show_budget(name: str, url: str | None, config: Path | None, ledger: Path | None, *, as_json: bool) -> None:
    """Show one budget in full."""
    accounts = _accounts(url, config, ledger)
    found = [account for account in accounts if account["name"] == name]
    if not found:
        names = ", ".join(sorted({str(account["name"]) for account in accounts})) or "none"
        raise TokmeterError(f"there is no budget {name!r}", hint=f"budgets: {names}")
    if as_json:
        click.echo(json.dumps([_record(account) for account in found], indent=2))
        return
    for position, account in enumerate(found):
        if position:
            click.echo("")
        for line in _details(account):
            click.echo(line)


def _accounts(url: str | None, config: Path | None, ledger: Path | None) -> list[dict[str, Any]]:
    if url is not None:
        return SidecarSource(url).require_budgets()
    loaded = load(config, os.environ)
    if not loaded.budgets:
        return []
    arguments = meter_arguments(loaded)
    meter = Meter(
        price_book=PriceBook.embedded(),
        budgets=arguments.budgets,
        policies=arguments.policies,
        hosts=arguments.hosts,
        seed=secrets.token_bytes(16),
    )
    now = now_ns()
    path = ledger or configured_ledger(loaded, os.environ)
    # Before the first run there is no ledger, and nothing is spent.
    if path.exists() or ledger is not None:
        with closing(SqliteReader.open(path)) as reader:
            restore(meter, reader, loaded.budgets, now)
    # What was refused is counted by the process that refused; a meter made from the ledger knows no more than nothing.
    return [{**account, "refusals": None, "would_refuse": None} for account in meter.snapshot(now).budgets()]


def _record(account: dict[str, Any]) -> dict[str, Any]:
    """An account for programs: money as exact decimal strings in USD, instants as RFC 3339."""
    money = {
        f"{key.removesuffix('_nano_usd')}_usd": exact_usd(value) for key, value in account.items() if _is_money(key)
    }
    instants = {
        key.removesuffix("_ns"): None if value is None else _rfc3339(value)
        for key, value in account.items()
        if key.endswith("_ns")
    }
    rest = {key: value for key, value in account.items() if not _is_money(key) and not key.endswith("_ns")}
    return {**rest, **money, **instants}


def _is_money(key: str) -> bool:
    return key.endswith("_nano_usd")


def _rfc3339(ns: int) -> str:
    return instant(ns).replace(" ", "T")


def _details(account: dict[str, Any]) -> list[str]:
    lines = [f"budget    {account['name']}", f"account   {account['account'] or '-'}", f"mode      {account['mode']}"]
    lines.append(f"window    {account['window']}, since {instant(account['starts_ns'])}")
    lines.append(f"renews    {'never' if account['resets_ns'] is None else instant(account['resets_ns'])}")
    rows = []
    for budget in limits(account):
        _, _, _, spent, held, limit, left, *_ = budget_cells(budget)
        rows.append(["usd" if budget.unit == "nano_usd" else budget.unit, limit, spent, held, left])
    lines += lay_out(("LIMIT OF", "LIMIT", "SPENT", "HELD", "LEFT"), rows)
    if account["refusals"] is not None:
        lines.append(f"refused   {account['refusals']} calls; {account['would_refuse']} would be in shadow mode")
    if account["overrun_nano_usd"]:
        lines.append(f"overrun   ${exact_usd(account['overrun_nano_usd'])}")
    return lines
