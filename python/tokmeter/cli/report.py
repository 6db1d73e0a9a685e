"""`tokmeter report`: spend from the ledger, grouped."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from tokmeter.cli.options import config_option, ledger_option, ledger_path
from tokmeter.store.ledger import DIMENSIONS, Spend
from tokmeter.store.sqlite import SqliteReader
from tokmeter.text import exact_usd, lay_out, number, usd

DEFAULT_BY = "provider,model"
NANO = 10**9
END_OF_TIME_NS = 2**63 - 1
MONEY = ("cost", "p50", "p95", "p99")


class Dimensions(click.ParamType):
    """A list of dimensions, separated by commas."""

    name = "DIM,..."

    def convert(
        self, value: str | tuple[str, ...], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Split the list; refuse what spend cannot be grouped by."""
        if isinstance(value, tuple):
            return value
        names = tuple(name.strip() for name in value.split(",") if name.strip())
        for name in names:
            if name not in DIMENSIONS:
                self.fail(f"cannot group by {name!r}; there are: {', '.join(DIMENSIONS)}", param, ctx)
        return names


class Instant(click.ParamType):
    """ISO 8601; without an offset it is UTC."""

    name = "TIME"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Nanoseconds since the Unix epoch."""
        if isinstance(value, int):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is no date; write 2026-01-31 or 2026-01-31T12:00:00+01:00", param, ctx)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp()) * NANO


@click.command("report")
@click.option(
    "--by", type=Dimensions(), default=DEFAULT_BY, show_default=True, help=f"Any of: {', '.join(DIMENSIONS)}."
)
@click.option(
    "--since", type=Instant(), default=0, help="Exchanges admitted from then on.", show_default="the beginning"
)
@click.option("--until", type=Instant(), default=END_OF_TIME_NS, help="Exchanges admitted before.", show_default="now")
@click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Same as --format json.")
@ledger_option
@config_option
def command(
    by: tuple[str, ...], since: int, until: int, form: str, ledger: Path | None, config: Path | None, *, as_json: bool
) -> None:
    """Sum up spend from the ledger: calls, tokens, cost, and the cost of one call at p50, p95 and p99."""
    with SqliteReader.open(ledger or ledger_path(config, os.environ)) as reader:
        groups = reader.spend(by, since, until)
    form = "json" if as_json else form
    if form == "json":
        click.echo(json.dumps([_record(by, group) for group in groups], indent=2))
    elif form == "csv":
        click.echo(_csv(by, groups), nl=False)
    else:
        for line in _table(by, groups):
            click.echo(line)


def _record(by: tuple[str, ...], group: Spend) -> dict[str, object]:
    """One group with its dimensions by name and its money as exact decimal strings in USD."""
    values = asdict(group)
    del values["group"]
    money = {name: values.pop(f"{name}_nano_usd") for name in MONEY}
    dimensions = dict(zip(by, group.group, strict=True))
    return {**dimensions, **values, **{f"{name}_usd": exact_usd(amount) for name, amount in money.items()}}


def _csv(by: tuple[str, ...], groups: list[Spend]) -> str:
    empty = Spend(
        group=(None,) * len(by),
        calls=0,
        input_tokens=0,
        output_tokens=0,
        cache_read_tokens=0,
        cache_write_tokens=0,
        reasoning_tokens=0,
        cost_nano_usd=0,
        unpriced=0,
        p50_nano_usd=None,
        p95_nano_usd=None,
        p99_nano_usd=None,
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, list(_record(by, empty)), lineterminator="\n")
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
