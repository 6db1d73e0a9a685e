"""From configuration and options to the plan of a process. Starts nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tokmeter._core import Attribution, Budget
from tokmeter.attribution import attribution, names
from tokmeter.capture.proxy import ProxySettings
from tokmeter.cli.options import configured_ledger, configured_listen, listen_address
from tokmeter.config import Config
from tokmeter.config.core import connect_to, upstreams
from tokmeter.runtime.sidecar import Plan, Sink
from tokmeter.state import StateDirectory

RUN_DRAIN_S = 2.0
"""How long exchanges may take to settle once the command has ended: nobody waits for their replies any more."""


def sidecar(
    config: Config, environ: Mapping[str, str], *, mode: str | None, listen: Sequence[str], metrics: str | None
) -> Plan:
    """The plan of `tokmeter proxy`; options win over the configuration. Raises `TokmeterError`."""
    option = "--listen" if listen else "proxy.listen"
    places = [listen_address(text, option) for text in listen or configured_listen(config)]
    served = listen_address(metrics or config.metrics.listen, "--metrics" if metrics else "metrics.listen")
    proxy = _proxy(config, environ, listen=places, mode=mode or config.proxy.mode)
    return Plan(
        config=config,
        state=StateDirectory(environ),
        ledger=configured_ledger(config, environ),
        proxy=proxy,
        trust=_trust(proxy),
        who=attribution(config.service, environ),
        metrics=(served.host, served.port),
        drain_s=float(config.proxy.drain_s),
    )


def single_run(
    config: Config,
    environ: Mapping[str, str],
    *,
    process: str,
    budgets: Sequence[Budget],
    metrics: str | None,
    sinks: Sequence[Sink],
) -> Plan:
    """The plan of `tokmeter run`: a regular proxy on a free port of this machine alone. Raises `TokmeterError`."""
    served = None if metrics is None else listen_address(metrics, "--metrics")
    proxy = _proxy(config, environ, listen=[("127.0.0.1", 0)], mode="regular")
    return Plan(
        config=config,
        state=StateDirectory(environ),
        ledger=configured_ledger(config, environ),
        proxy=proxy,
        trust=_trust(proxy),
        who=_who(config, environ, process),
        metrics=None if served is None else (served.host, served.port),
        drain_s=RUN_DRAIN_S,
        budgets=budgets,
        sinks=sinks,
    )


def _trust(proxy: ProxySettings) -> Path:
    """Beside the authority: its key is private, these files are for everybody."""
    return proxy.ca_dir.absolute().parent / "trust"


def _who(config: Config, environ: Mapping[str, str], process: str) -> Attribution:
    found = names(config.service, environ)
    return Attribution(
        service=found["service"],
        process=process,
        container=found["container"],
        pod=found["pod"],
        namespace=found["namespace"],
        organization=found["organization"],
        user=found["user"],
    )


def _proxy(
    config: Config, environ: Mapping[str, str], *, listen: Sequence[tuple[str, int]], mode: str
) -> ProxySettings:
    directory = config.proxy.ca_dir
    return ProxySettings(
        ca_dir=StateDirectory(environ).authority if directory is None else Path(directory),
        listen=tuple((host, port) for host, port in listen),
        mode=mode,
        upstream_ca=None if config.proxy.upstream_ca is None else Path(config.proxy.upstream_ca),
        connect_to=connect_to(config),
        upstreams=upstreams(config),
        body_bytes_max=config.proxy.body_bytes_max,
        fail_closed=config.proxy.fail_closed,
    )
