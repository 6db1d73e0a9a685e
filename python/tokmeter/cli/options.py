"""What several commands ask for, and how it becomes a plan: configuration, ledger, addresses. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from tokmeter.config import Config, load
from tokmeter.config.address import Address, address
from tokmeter.errors import ConfigError
from tokmeter.state import StateDirectory

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="TOKMETER_CONFIG",
    metavar="FILE",
    help="The configuration; also TOKMETER_CONFIG.",
)

ledger_option = click.option(
    "--ledger",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The ledger, instead of the configured one.",
)


def ledger_path(config: Path | None, environ: Mapping[str, str]) -> Path:
    """The ledger that the configuration file names, or the user's own. Raises `TokmeterError`."""
    return configured_ledger(load(config, environ), environ)


def configured_ledger(config: Config, environ: Mapping[str, str]) -> Path:
    """The ledger of a loaded configuration, or the user's own."""
    if config.store is None:
        return StateDirectory(environ).ledger
    return Path(config.store.removeprefix("sqlite://"))


def configured_listen(config: Config) -> tuple[str, ...]:
    """The addresses that the configuration lets clients connect to, as written there."""
    listen = config.proxy.listen
    return (listen,) if isinstance(listen, str) else listen


def listen_address(text: str, option: str) -> Address:
    """Parse ``host:port``, port 0 being any free one. Raises `ConfigError` naming the option."""
    try:
        return address(text, port_zero=True)
    except ValueError as reason:
        raise ConfigError(f"{text!r} {reason}", where=option) from None
