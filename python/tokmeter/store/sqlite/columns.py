"""The columns of an entry: the one table that the schema, the writer, the reader and the reference agree on.

Owns the mapping between a `LedgerEntry` and a row. Refuses to know connections.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from tokmeter._core import LedgerEntry
from tokmeter.store.ledger import USAGE, Calibration, Correction


@dataclass(frozen=True, slots=True)
class Column:
    """One column and the field it keeps."""

    name: str
    declared: str
    """Its type and constraint in SQL."""
    meaning: str
    encode: Callable[[Any], Any] | None = None
    """How it is written, where not as it is."""
    decode: Callable[[Any], Any] = lambda value: value


def _pairs(text: str) -> list[tuple[str, ...]]:
    return [tuple(pair) for pair in json.loads(text)]


_WORD = "TEXT NOT NULL"
_FLAG = "INTEGER NOT NULL"

HEAD: tuple[Column, ...] = (
    Column("id", "TEXT NOT NULL UNIQUE", "Our id of the exchange: writing it twice keeps one row."),
    Column("time_ns", "INTEGER NOT NULL", "Instant of admission, ns since the Unix epoch; decides the budget window."),
    Column("duration_ns", "INTEGER NOT NULL", "Admission to end, ns."),
    Column("first_chunk_ns", "INTEGER", "Admission to the first byte of the reply's body, ns."),
    Column("capture", _WORD, "proxy, tracer or replay."),
    Column("llm", _FLAG, "1 when the exchange asked a model for something.", int, bool),
    Column("provider", _WORD, "Who served it."),
    Column("operation", _WORD, "What was asked: chat, embeddings, ..."),
    Column("request_model", "TEXT", "The model asked for."),
    Column("response_model", "TEXT", "The model that answered."),
    Column("stream", _FLAG, "1 when the reply was streamed.", int, bool),
    Column("status", "INTEGER NOT NULL", "HTTP status; 0 when there was none."),
)

COUNTS: tuple[Column, ...] = tuple(
    Column(name, "INTEGER", meaning)
    for name, meaning in zip(
        USAGE,
        (
            "All input tokens, cache reads and writes included.",
            "All output tokens, reasoning included.",
            "Of the input: read from a cache.",
            "Of the input: written to a cache for five minutes.",
            "Of the input: written to a cache for one hour.",
            "Of the output: hidden reasoning.",
            "Of the input: audio.",
            "Of the output: audio.",
            "Of the input: images.",
            "Of the output: images.",
            "Web searches that the provider ran.",
        ),
        strict=True,
    )
)

TAIL: tuple[Column, ...] = (
    Column("provenance", _WORD, "How the counts are known: reported, counted, estimated, none."),
    Column("defects", _WORD, "Named flaws of the traffic, a JSON list.", json.dumps, json.loads),
    Column("cost_nano_usd", "INTEGER", "Cost in billionths of a US dollar; NULL when the model has no price."),
    Column("priced", _FLAG, "1 when a price was found, or there was nothing to pay.", int, bool),
    Column("decision", _WORD, "admit, rewrite, refuse or cut."),
    Column("would_refuse", _FLAG, "1 when a budget in shadow mode would have refused or cut.", int, bool),
    Column("budget", "TEXT", "The budget that refused or cut, or would have."),
    Column("reason", "TEXT", "Why: usd, tokens, requests, unpriced, unknown_path."),
    Column("outcome", _WORD, "ok, error, refused, cut, client_gone, upstream_gone."),
    Column(
        "retry",
        "INTEGER NOT NULL",
        "Which retry this was, as said or by repeating a failure; 0 is the first attempt.",
    ),
    Column("key_fingerprint", "TEXT", "Keyed fingerprint of the API key; never the key."),
    Column("service", "TEXT", "Service."),
    Column("pid", "INTEGER", "Process id."),
    Column("process", "TEXT", "Process name."),
    Column("container", "TEXT", "Container."),
    Column("pod", "TEXT", "Pod."),
    Column("namespace", "TEXT", "Kubernetes namespace."),
    Column("organization", "TEXT", "Organization."),
    Column("user", "TEXT", "User: a name that the operator gave or listed, else a keyed fingerprint."),
    Column(
        "alerts", _WORD, "Budget thresholds it crossed first, a JSON list of [budget, fraction].", json.dumps, _pairs
    ),
    Column("session", "TEXT", "Keyed fingerprint of the session that the client names."),
    Column("project", "TEXT", "The provider's name of the project that is billed."),
    Column("trace", "TEXT", "Trace id of W3C trace context."),
    Column("sdk", "TEXT", "Client library or agent, of a bounded list, and its version."),
)

ENTRY: tuple[Column, ...] = HEAD + COUNTS + TAIL

CALIBRATION: tuple[str, ...] = ("provider", "model", "input", "output")
"""The columns of what was learned of a model; the first two are its key."""

AMOUNTS: tuple[str, ...] = (*USAGE, "cost_nano_usd")
"""What a correction adds to."""


_head = attrgetter(*(column.name for column in HEAD))
_tail = attrgetter(*(column.name for column in TAIL))
_ENCODED = [(index, column.encode) for index, column in enumerate(ENTRY) if column.encode is not None]


def entry_row(entry: LedgerEntry) -> tuple[Any, ...]:
    """The values of `ENTRY` for an entry."""
    row = [*_head(entry), *map(entry.usage.get, USAGE), *_tail(entry)]
    for index, encode in _ENCODED:
        row[index] = encode(row[index])
    return tuple(row)


def correction_row(correction: Correction) -> tuple[Any, ...]:
    """Id, entry, reason and `AMOUNTS` of a correction."""
    counts = (correction.usage.get(name) for name in USAGE)
    return (correction.id, correction.corrects, correction.reason, *counts, correction.cost_nano_usd)


def calibration_row(calibration: Calibration) -> tuple[str, str, str, str]:
    """The values of `CALIBRATION`."""
    return (calibration.provider, calibration.model, calibration.input, calibration.output)


def entry_fields(row: tuple[Any, ...]) -> dict[str, Any]:
    """The fields of a `LedgerEntry` by name, from a row of `ENTRY`."""
    head, counts, tail = row[: len(HEAD)], row[len(HEAD) : -len(TAIL)], row[-len(TAIL) :]
    return {
        **{column.name: column.decode(value) for column, value in zip(HEAD, head, strict=True)},
        "usage": dict(zip(USAGE, counts, strict=True)),
        **{column.name: column.decode(value) for column, value in zip(TAIL, tail, strict=True)},
    }
