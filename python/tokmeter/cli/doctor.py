"""`tokmeter doctor`: checks this machine and says what to do. Changes nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click

from tokmeter.cli.checks import Check, checks
from tokmeter.cli.options import config_option
from tokmeter.text import lay_out


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print objects.")
@config_option
def command(config: Path | None, *, as_json: bool) -> int:
    """Check versions, trust, ledger, ports, redirect tools and the clock; the status is 1 when something fails."""
    found = list(checks(config, os.environ))
    if as_json:
        click.echo(json.dumps([check.values() for check in found], indent=2))
    else:
        for line in lay_out(
            ("CHECK", "RESULT", ""), [[check.name, check.result, check.found] for check in found], left=3
        ):
            click.echo(line)
        for check in found:
            if check.advice:
                click.echo(f"{check.name}: {check.advice}")
    return 1 if any(check.result == Check.FAILED for check in found) else 0
