"""What several commands ask for: the configuration, and the ledger it names. Knows no command."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from tokmeter.config import Config, load
from tokmeter.state import StateDirectory

CONFIG_NAME = "tokmeter.yaml"

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="TOKMETER_CONFIG",
    metavar="FILE",
    help="The configuration; also TOKMETER_CONFIG.",
)


def ledger_path(config: Path | None, environ: Mapping[str, str]) -> Path:
    """The ledger that the configuration file names, or the user's own. Raises `TokmeterError`."""
    return configured_ledger(load(config), environ)


def configured_ledger(config: Config, environ: Mapping[str, str]) -> Path:
    """The ledger of a loaded configuration, or the user's own."""
    if config.store is None:
        return StateDirectory(environ).ledger
    return Path(config.store.removeprefix("sqlite://"))
