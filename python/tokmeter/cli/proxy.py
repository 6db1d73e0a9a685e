"""`tokmeter proxy`: the sidecar. Serves until SIGTERM or SIGINT, then drains."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import click

from tokmeter.cli.options import config_option
from tokmeter.cli.planning import sidecar
from tokmeter.config import load
from tokmeter.runtime import Plan, running


@click.command("proxy")
@click.option("--mode", metavar="MODE", help="regular, transparent or reverse:URL.")
@click.option("--listen", metavar="H:P", help="Where clients connect to.")
@click.option("--metrics", metavar="H:P", help="Where metrics and events are served.")
@config_option
def command(mode: str | None, listen: str | None, metrics: str | None, config: Path | None) -> None:
    """Run the metering proxy.

    The first SIGTERM or SIGINT stops accepting and lets open exchanges finish; the second ends them.
    """
    plan = sidecar(load(config), os.environ, mode=mode, listen=listen, metrics=metrics)
    asyncio.run(_serve(plan))


async def _serve(plan: Plan) -> None:
    stop = asyncio.Event()
    async with running(plan) as started:

        def told() -> None:
            (started.hurry if stop.is_set() else stop).set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told)
        places = ", ".join(f"{host}:{port}" for host, port in started.proxy)
        click.echo(f"tokmeter: {plan.proxy.mode} proxy on {places}", err=True)
        if started.metrics is not None:
            click.echo("tokmeter: metrics on http://{}:{}/metrics".format(*started.metrics), err=True)
        await stop.wait()
        click.echo(f"tokmeter: draining for up to {plan.drain_s:g} s", err=True)
