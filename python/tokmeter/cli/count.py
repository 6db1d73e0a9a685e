"""`tokmeter count`: tokens of a text, or of a request body. Needs the tokenizers only."""

from __future__ import annotations

import json
from typing import BinaryIO

import click

from tokmeter._core import Tokenizer, get_tokenizer
from tokmeter.errors import TokmeterError

DEFAULT_ENCODING = "o200k_base"


@click.command("count")
@click.option("--model", metavar="M", help="Count as this model does.")
@click.option("--encoding", metavar="E", help=f"Count in this vocabulary (default: {DEFAULT_ENCODING}).")
@click.option("--json", "as_json", is_flag=True, help="Print an object instead of a number.")
@click.argument("file", type=click.File("rb"), default="-")
def command(model: str | None, encoding: str | None, file: BinaryIO, *, as_json: bool) -> None:
    """Count the tokens of FILE, or of standard input.

    Text that looks like a special token counts as ordinary text, as it does in a message.
    """
    if model and encoding:
        raise click.UsageError("--model and --encoding exclude each other")
    tokenizer = _tokenizer(model or encoding or DEFAULT_ENCODING)
    data = file.read()
    tokens = tokenizer.count(data)
    if as_json:
        click.echo(json.dumps({"tokens": tokens, "bytes": len(data), "encoding": tokenizer.name}))
    else:
        click.echo(str(tokens))


def _tokenizer(name: str) -> Tokenizer:
    try:
        return get_tokenizer(name)
    except KeyError as reason:
        raise TokmeterError(str(reason.args[0])) from None
