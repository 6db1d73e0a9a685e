"""`tokmeter report`: spend from the ledger, grouped."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import click

from tokmeter.cli.options import config_option, ledger_option, ledger_path
from tokmeter.clock import now_ns
from tokmeter.store.ledger import DIMENSIONS, Spend
from tokmeter.store.sqlite import SqliteReader
from tokmeter.text import exact_usd, lay_out, number, usd

DEFAULT_BY = "provider,model"
NANO = 10**9
END_OF_TIME_NS = 2**63 - 1
UNIT_S = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
AGE = re.compile(r"([0-9]{1,5})([mhdw])")
COUNTS = (
    "calls",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "unpriced",
)
MONEY = ("cost", "p50", "p95", "p99")


def _dimensions(_context: click.Context, _option: click.Parameter, value: str) -> tuple[str, ...]:
    """A list separated by commas."""
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    for name in names:
        if name not in DIMENSIONS:
            raise click.BadParameter(f"cannot group by {name!r}; there are: {', '.join(DIMENSIONS)}")
    return names


def _instant(_context: click.Context, _option: click.Parameter, value: str | None) -> int | None:
    """ISO 8601, UTC where no offset is given, or an age; as nanoseconds since the Unix epoch."""
    if value is None:
        return None
    if (age := AGE.fullmatch(value)) is not None:
        return now_ns() - int(age[1]) * UNIT_S[age[2]] * NANO
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no time; write 2026-01-31, 2026-01-31T12:00:00+01:00, or 7d for seven days ago"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp()) * NANO


@click.command("report")
@click.option(
    "--by",
    callback=_dimensions,
    default=DEFAULT_BY,
    metavar="DIM,...",
    show_default=True,
    help=f"Any of: {', '.join(DIMENSIONS)}.",
)
@click.option(
    "--since",
    callback=_instant,
    metavar="TIME",
    help="Exchanges admitted from then on: ISO 8601, or an age in m, h, d or w such as 7d.",
)
@click.option("--until", callback=_instant, metavar="TIME", help="Exchanges admitted before.")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@ledger_option
@config_option
def command(
    by: tuple[str, ...],
    since: int | None,
    until: int | None,
    form: str,
    ledger: Path | None,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """Sum up spend from the ledger: calls, tokens, cost, and the cost of one call at p50, p95 and p99."""
    with SqliteReader.open(ledger or ledger_path(config, os.environ)) as reader:
        groups = reader.spend(by, since or 0, END_OF_TIME_NS if until is None else until)
    if as_json or form == "json":
        click.echo(json.dumps([_record(by, group) for group in groups], indent=2))
    elif form == "csv":
        click.echo(_csv(by, groups), nl=False)
    else:
        for line in _table(by, groups):
            click.echo(line)


def _record(by: tuple[str, ...], group: Spend) -> dict[str, object]:
    """One group with its dimensions by name and its money as exact decimal strings in USD."""
    return {
        **dict(zip(by, group.group, strict=True)),
        **{name: getattr(group, name) for name in COUNTS},
        **{f"{name}_usd": exact_usd(getattr(group, f"{name}_nano_usd")) for name in MONEY},
    }


def _csv(by: tuple[str, ...], groups: list[Spend]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, [*by, *COUNTS, *(f"{name}_usd" for name in MONEY)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(_record(by, group) for group in groups)
    return text.getvalue()


def _table(by: tuple[str, ...], groups: list[Spend]) -> list[str]:
    header = [
        *(name.upper() for name in by),
        "CALLS",
        "INPUT",
        "OUTPUT",
        "CACHED",
        "COST",
        "P50",
        "P95",
        "P99",
        "UNPRICED",
    ]
    rows = [
        [
            *(value or "-" for value in group.group),
            number(group.calls),
            number(group.input_tokens),
            number(group.output_tokens),
            number(group.cache_read_tokens),
            usd(group.cost_nano_usd),
            usd(group.p50_nano_usd),
            usd(group.p95_nano_usd),
            usd(group.p99_nano_usd),
            number(group.unpriced),
        ]
        for group in groups
    ]
    if len(groups) > 1:
        total = [
            number(sum(group.calls for group in groups)),
            number(sum(group.input_tokens for group in groups)),
            number(sum(group.output_tokens for group in groups)),
            number(sum(group.cache_read_tokens for group in groups)),
            usd(sum(group.cost_nano_usd for group in groups)),
        ]
        name = ["total", *[""] * (len(by) - 1)] if by else []
        rows.append([*name, *total, "", "", "", number(sum(group.unpriced for group in groups))])
    return lay_out(header, rows, left=len(by))
