"""`tokmeter inject`: the sidecar in manifests, without a webhook."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import click

from tokmeter.errors import TokmeterError
from tokmeter.inject import Cluster, load_injection
from tokmeter.inject.injection import inject_manifest
from tokmeter.inject.limits import MANIFEST_BYTES
from tokmeter.inject.manifest import Manifest


def _version(_context: click.Context, _option: click.Parameter, value: str) -> tuple[int, int]:
    found = re.fullmatch(r"v?([0-9]{1,3})\.([0-9]{1,3})(?:\..*)?", value)
    if found is None:
        raise click.BadParameter(f"{value!r} is not a version; write for example 1.34")
    return int(found[1]), int(found[2])


@click.command("inject")
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="TOKMETER_INJECTION",
    required=True,
    metavar="FILE",
    help="What to inject; also TOKMETER_INJECTION.",
)
@click.option("--namespace", default="default", show_default=True, help="Of objects that name none.")
@click.option(
    "--kubernetes", callback=_version, default="1.34", show_default=True, metavar="VERSION", help="Of the cluster."
)
@click.option(
    "--report",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to tell on standard error what happened.",
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
def command(settings: Path, namespace: str, kubernetes: tuple[int, int], report: str, file: Path) -> int:
    """Add the sidecar to the pods of FILE, which may be - for standard input, and print it.

    Takes several documents, Lists, and workloads of every kind; what is none passes as it is. Order and quoting stay,
    comments do not. What happened to each is told on standard error; the status is 1 when a pod that was to have a sidecar
    has none.
    """
    injection = load_injection(settings)
    manifest = Manifest(_text(file), "standard input" if str(file) == "-" else str(file))
    entries = inject_manifest(manifest, namespace, injection, Cluster(kubernetes))
    click.echo(manifest.text(), nl=False)
    for entry in entries:
        if report == "json":
            click.echo(json.dumps(entry.values()), err=True)
        else:
            click.echo("\n".join(entry.lines()), err=True)
    if not entries and report == "text":
        click.echo("tokmeter: there are no pods in it", err=True)
    return 1 if any(entry.refused for entry in entries) else 0


def _text(file: Path) -> str:
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MANIFEST_BYTES + 1)
        else:
            with file.open("rb") as handle:
                data = handle.read(MANIFEST_BYTES + 1)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise TokmeterError("not UTF-8 text", where=str(file), hint="save it as UTF-8") from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise TokmeterError(f"the manifest cannot be read: {reason}", where=str(file)) from None
