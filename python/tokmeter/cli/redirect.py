"""`tokmeter redirect`: the rules that bring a pod's connections to its sidecar. Root, once, before the pod's programs start."""

from __future__ import annotations

import subprocess
from typing import ClassVar

import click

from tokmeter.errors import TokmeterError
from tokmeter.inject.ruleset import TABLE, Ruleset
from tokmeter.inject.settings import PORT_MAX, UID_MAX, is_network

NFT_S = 30
"""What one call may take; loading takes milliseconds."""


class RulesAbsentError(TokmeterError):
    """The kernel has other rules than those asked for."""

    exit_code: ClassVar[int] = 3


def _networks(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not is_network(value):
            raise click.BadParameter(f"{value!r} is not a network; write for example 10.96.0.1/32")
    return values


@click.command("redirect")
@click.option("--to", type=click.IntRange(1, PORT_MAX), default=15401, show_default=True, help="Port of the proxy.")
@click.option(
    "--uid", type=click.IntRange(1, UID_MAX), default=1338, show_default=True, help="User of the proxy, left alone."
)
@click.option(
    "--port",
    "ports",
    type=click.IntRange(1, PORT_MAX),
    multiple=True,
    default=(443,),
    show_default=True,
    help="TCP port to redirect, and UDP port to refuse; may be repeated.",
)
@click.option(
    "--skip", multiple=True, metavar="CIDR", callback=_networks, help="Network to leave alone; may be repeated."
)
@click.option("--print", "only_print", is_flag=True, help="Print the rules and load nothing.")
@click.option(
    "--check", "only_check", is_flag=True, help="Load nothing; the status is 3 unless these rules are loaded."
)
def command(
    to: int, uid: int, ports: tuple[int, ...], skip: tuple[str, ...], *, only_print: bool, only_check: bool
) -> None:
    """Redirect what leaves this network namespace to the proxy, over IPv4 and IPv6.

    Needs nft and the capability NET_ADMIN. What was loaded before by this command is replaced in one step, and what is
    loaded is read back. With --check it fits after a network plugin that loads the rules itself.
    """
    if only_print and only_check:
        raise click.UsageError("--print and --check exclude each other")
    if to in ports:
        raise click.UsageError(f"port {to} is the proxy's own: it would reach itself")
    rules = Ruleset(to=to, uid=uid, ports=ports, skip=skip)
    if only_print:
        click.echo(rules.text(), nl=False)
        return
    if not only_check:
        _nft("-f", "-", given=rules.text())
    absent = rules.absent(_nft("--numeric", "list", "table", *TABLE.split(), absent_is_empty=only_check))
    if absent:
        hint = (
            "tokmeter redirect loads them"
            if only_check
            else "something else changes the rules: look at nft list ruleset"
        )
        raise RulesAbsentError(f"the kernel does not have the rule `{absent[0]}`", where=f"table {TABLE}", hint=hint)
    listed = ", ".join(map(str, sorted(set(ports))))
    click.echo(f"tokmeter: TCP port {listed} goes to port {to}, UDP port {listed} is refused", err=True)


def _nft(*arguments: str, given: str | None = None, absent_is_empty: bool = False) -> str:
    try:
        done = subprocess.run(
            ["nft", *arguments], input=given, capture_output=True, text=True, timeout=NFT_S, check=False
        )
    except FileNotFoundError:
        raise TokmeterError("nft is not installed", hint="install nftables; the image of the sidecar has it") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TokmeterError(f"nft cannot be run: {error}") from None
    if done.returncode == 0:
        return done.stdout
    said = next(iter(done.stderr.strip().splitlines()), f"status {done.returncode}")
    if absent_is_empty and "No such file or directory" in said:
        return ""
    raise TokmeterError(f"nft refused: {said.removeprefix('Error: ')[:200]}", where=f"table {TABLE}", hint=_hint(said))


def _hint(said: str) -> str:
    if "not permitted" in said or "denied" in said:
        return "it needs the capability NET_ADMIN; where that is not admitted, use the profile proxy-env"
    if "not supported" in said or "No such file" in said or "could not process" in said.lower():
        return "the kernel of this node lacks nf_tables with nat and reject; use the profile proxy-env"
    return "look at the rules with --print"
