"""`tokmeter proxy`: the sidecar. Serves until SIGTERM or SIGINT, then drains."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import click

from tokmeter.capture.proxy import event_loop_factory, write_trust
from tokmeter.cli.options import config_option
from tokmeter.cli.planning import sidecar
from tokmeter.cli.readiness import await_ready
from tokmeter.config import load
from tokmeter.runtime.sidecar import Plan, Running, running


@click.command("proxy")
@click.option("--mode", metavar="MODE", help="regular, transparent, base-url or reverse:URL.")
@click.option("--listen", metavar="H:P", multiple=True, help="Where clients connect to; may be repeated.")
@click.option("--metrics", metavar="H:P", help="Where metrics and events are served.")
@click.option("--json", "as_json", is_flag=True, help="Print one object with the addresses once it serves.")
@click.option(
    "--await",
    "await_s",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Run nothing; wait until the proxy that serves --metrics is ready.",
)
@config_option
def command(
    mode: str | None,
    listen: tuple[str, ...],
    metrics: str | None,
    await_s: float | None,
    config: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run the metering proxy.

    Clients find what they must trust in the directory `trust` beside the one of the certificate authority. In the mode
    base-url they need trust nothing: their base URL is http://H:P/PROVIDER, with what stands behind the provider's host.

    The first SIGTERM or SIGINT stops accepting and lets open exchanges finish; the second ends them.
    """
    loaded = load(config, os.environ)
    if await_s is not None:
        await_ready(metrics or loaded.metrics.listen, await_s)
        return
    plan = sidecar(loaded, os.environ, mode=mode, listen=listen, metrics=metrics)
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        runner.run(_serve(plan, as_json=as_json))


async def _serve(plan: Plan, *, as_json: bool) -> None:
    stop = asyncio.Event()
    async with running(plan) as started:
        if plan.proxy.needs_authority:
            write_trust(plan.trust, started.authority)
        started.ready.set()

        def told() -> None:
            (started.hurry if stop.is_set() else stop).set()

        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told)
        _announce(plan, started, as_json=as_json)
        await stop.wait()
        click.echo(f"tokmeter: draining for up to {plan.drain_s:g} s", err=True)


def _announce(plan: Plan, started: Running, *, as_json: bool) -> None:
    """Say where it serves: for people, and with `as_json` for programs that wait for it."""
    proxies = [_written(place) for place in started.proxy]
    metrics = None if started.metrics is None else f"http://{_written(started.metrics)}"
    trust = str(plan.trust) if plan.proxy.needs_authority else None
    how = f", trust files in {trust}" if trust else f", base URLs http://{proxies[0]}/PROVIDER"
    click.echo(f"tokmeter: {plan.proxy.mode} proxy on {', '.join(proxies)}{how}", err=True)
    if metrics is not None:
        click.echo(f"tokmeter: metrics on {metrics}/metrics", err=True)
    if as_json:
        click.echo(json.dumps({"proxy": proxies, "metrics": metrics, "trust": trust}))


def _written(place: tuple[str, int]) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
