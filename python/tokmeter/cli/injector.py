"""`tokmeter injector`: the admission webhook. Serves until SIGTERM or SIGINT, then answers what is open."""

from __future__ import annotations

import gc
import json
import logging
import signal
import threading
from pathlib import Path

import click

from tokmeter.cli.options import listen_address
from tokmeter.errors import ConfigError
from tokmeter.inject import load_injection
from tokmeter.injector import Place, Running, Settings, running
from tokmeter.injector.cluster.client import connect
from tokmeter.injector.limits import LINGER_S

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("injector")
@click.option(
    "--settings",
    "file",
    type=_FILE,
    envvar="TOKMETER_INJECTION",
    required=True,
    metavar="FILE",
    help="What to inject; also TOKMETER_INJECTION.",
)
@click.option("--listen", metavar="H:P", default="[::]:8443", show_default=True, help="Where the API server calls.")
@click.option(
    "--metrics", metavar="H:P", default="[::]:15490", show_default=True, help="Where metrics and probes are served."
)
@click.option("--service", metavar="NAME", default="tokmeter-injector", show_default=True, help="The Service in front.")
@click.option("--namespace", metavar="NS", default="tokmeter-system", show_default=True, help="Its namespace.")
@click.option(
    "--webhook-configuration",
    metavar="NAME",
    default="tokmeter-injector",
    show_default=True,
    help="The MutatingWebhookConfiguration whose caBundle is kept.",
)
@click.option(
    "--secret",
    metavar="NAME",
    default="tokmeter-injector-ca",
    show_default=True,
    help="The Secret in which replicas share their certificate authority.",
)
@click.option("--tls-cert", type=_FILE, metavar="FILE", help="A serving certificate that somebody else keeps.")
@click.option("--tls-key", type=_FILE, metavar="FILE", help="Its key; both are read again when they change.")
@click.option("--kubeconfig", type=_FILE, metavar="FILE", help="The cluster, instead of the one around this pod.")
@click.option("--json", "as_json", is_flag=True, help="Print one object with the addresses once it listens.")
def command(  # noqa: PLR0917 - click gives each by name
    file: Path,
    listen: str,
    metrics: str,
    service: str,
    namespace: str,
    webhook_configuration: str,
    secret: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    kubeconfig: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run the admission webhook that gives pods their sidecar.

    Without --tls-cert and --tls-key it makes its own certificate, changes it before its end, and tells the API server
    whom to trust.

    On SIGTERM it says on /readyz that it is leaving, answers for two seconds more, and what is open then.
    """
    if (tls_cert is None) != (tls_key is None):
        raise ConfigError("one of the two is missing", where="--tls-cert, --tls-key", hint="give both or neither")
    settings = Settings(
        injection=load_injection(file),
        place=Place(service=service, namespace=namespace, webhook_configuration=webhook_configuration, secret=secret),
        listen=listen_address(listen, "--listen"),
        metrics=listen_address(metrics, "--metrics"),
        certificate_files=(tls_cert, tls_key) if tls_cert is not None and tls_key is not None else None,
    )
    logging.basicConfig(level=logging.WARNING, format="tokmeter: %(message)s")
    logging.getLogger("tokmeter").setLevel(logging.INFO)
    stop, hurry = threading.Event(), threading.Event()

    def told(*_: object) -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, told)
    with running(settings, connect(kubeconfig)) as started:
        # The client of Kubernetes brings a heap of classes: a collection that looked through it would stop every admission.
        gc.collect()
        gc.freeze()
        _announce(started, as_json=as_json)
        stop.wait()
        started.leave()
        click.echo("tokmeter: leaving", err=True)
        hurry.wait(LINGER_S)


def _announce(started: Running, *, as_json: bool) -> None:
    """Say where it serves: for people, and with `as_json` for programs that wait for it."""
    webhook, metrics = f"https://{_written(started.listen)}/mutate", f"http://{_written(started.metrics)}/metrics"
    click.echo(f"tokmeter: webhook on {webhook}, metrics on {metrics}", err=True)
    if as_json:
        click.echo(json.dumps({"webhook": webhook, "metrics": metrics}))


def _written(place: tuple[str, int]) -> str:
    host, port = place
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
