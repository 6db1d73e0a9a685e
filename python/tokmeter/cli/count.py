"""`tokmeter count`: tokens of a text, or of the prompt in a request body. Needs the core only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

import click

from tokmeter._core import HostRule, Meter, PriceBook, Request, Tokenizer, get_tokenizer
from tokmeter.config import read_tokenizer
from tokmeter.errors import TokmeterError

DEFAULT_ENCODING = "o200k_base"
DEFAULT_PATH = "/v1/chat/completions"
NO_HOST = "request.invalid"
"""In place of the host that a request would go to."""


@click.command("count")
@click.option("--model", metavar="M", help="Count as this model does.")
@click.option("--encoding", metavar="E", help=f"Count in this vocabulary (default: {DEFAULT_ENCODING}).")
@click.option(
    "--tokenizer",
    type=click.Path(path_type=Path),
    metavar="T",
    help="Count in the vocabulary of this file: a rank file, a tekken.json or a tokenizer.json.",
)
@click.option("--pattern", metavar="P", help="How text is cut, which rank files do not say, like llama3.")
@click.option("--request", "as_request", is_flag=True, help="FILE is a request's JSON body: count its prompt.")
@click.option("--path", metavar="PATH", help=f"Where the request is posted to (default: {DEFAULT_PATH}).")
@click.option("--dialect", metavar="D", help="The API it is for, like cohere, where the path does not tell.")
@click.option("--json", "as_json", is_flag=True, help="Print an object instead of a number.")
@click.argument("file", type=click.File("rb"), default="-")
def command(
    model: str | None,
    encoding: str | None,
    tokenizer: Path | None,
    pattern: str | None,
    path: str | None,
    dialect: str | None,
    file: BinaryIO,
    *,
    as_request: bool,
    as_json: bool,
) -> None:
    """Count the tokens of FILE, or of standard input.

    Text that looks like a special token counts as ordinary text, as it does in a message.

    With --request, the prompt in the body is counted as it is at admission: with the tokenizer of its model or a
    stand-in, and with what frames messages, tools and pictures. Whether the number is exact is said beside it.
    """
    chosen = [
        name for name, given in (("--model", model), ("--encoding", encoding), ("--tokenizer", tokenizer)) if given
    ]
    if len(chosen) > 1:
        raise click.UsageError(f"{chosen[0]} and {chosen[1]} exclude each other")
    if as_request and (model or encoding):
        raise click.UsageError(f"{chosen[0]} does not go with --request: the request names its model")
    if pattern and tokenizer is None:
        raise click.UsageError("--pattern goes with --tokenizer")
    if (path or dialect) and not as_request:
        raise click.UsageError("--path and --dialect go with --request")
    own = None if tokenizer is None else read_tokenizer(tokenizer, pattern)
    if as_request:
        _count_request(file.read(), path or DEFAULT_PATH, dialect, own, as_json=as_json)
    else:
        _count_text(file.read(), own or _tokenizer(model or encoding or DEFAULT_ENCODING), as_json=as_json)


def _count_text(data: bytes, tokenizer: Tokenizer, *, as_json: bool) -> None:
    tokens = tokenizer.count(data)
    if as_json:
        click.echo(json.dumps({"tokens": tokens, "bytes": len(data), "encoding": tokenizer.name}))
    else:
        click.echo(str(tokens))


def _count_request(body: bytes, path: str, dialect: str | None, own: Tokenizer | None, *, as_json: bool) -> None:
    meter = Meter(
        price_book=PriceBook.embedded(),
        hosts=[_host(dialect)] if dialect else [],
        tokenizers=[("*", own)] if own else [],
        seed=bytes(16),
    )
    headers = [(b"content-type", b"application/json")]
    request = Request(method="POST", host=NO_HOST, port=443, path=path, headers=headers, body=body)
    counted = meter.count(request)
    if counted is None:
        hint = "give the whole JSON body, and by --path and --dialect where it is posted to"
        raise TokmeterError("not a request to a model", where=path, hint=hint)
    tokens, exact = counted
    if as_json:
        click.echo(json.dumps({"tokens": tokens, "bytes": len(body), "exact": exact}))
    else:
        click.echo(str(tokens))
        click.echo("exact" if exact else "an estimate: the framing or the vocabulary is not public", err=True)


def _host(dialect: str) -> HostRule:
    try:
        return HostRule(NO_HOST, dialect, provider=dialect)
    except ValueError as reason:
        raise click.UsageError(f"--dialect: {reason}") from None


def _tokenizer(name: str) -> Tokenizer:
    try:
        return get_tokenizer(name)
    except KeyError as reason:
        raise TokmeterError(str(reason.args[0])) from None
