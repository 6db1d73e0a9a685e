"""Synthetic entries: a program cannot make a `LedgerEntry`, the store only needs its fields."""

from dataclasses import dataclass, field, fields
from typing import Any, cast

from tokmeter._core import LedgerEntry
from tokmeter.store.ledger import USAGE

SECOND_NS = 1_000_000_000
START_NS = 1_767_225_600 * SECOND_NS
"""2026-01-01T00:00:00Z."""


@dataclass
class Entry:
    """Every field of `LedgerEntry`, with the same names and types."""

    id: str = "e0"
    time_ns: int = START_NS
    duration_ns: int = 1_500_000_000
    first_chunk_ns: int | None = 200_000_000
    capture: str = "proxy"
    llm: bool = True
    provider: str = "openai"
    operation: str = "chat"
    request_model: str | None = "gpt-4o"
    response_model: str | None = "gpt-4o-2024-08-06"
    stream: bool = True
    status: int = 200
    usage: dict[str, int | None] = field(
        default_factory=lambda: dict.fromkeys(USAGE, None) | {"input_tokens": 100, "output_tokens": 20}
    )
    provenance: str = "reported"
    defects: list[str] = field(default_factory=list)
    cost_nano_usd: int | None = 450_000
    priced: bool = True
    decision: str = "admit"
    would_refuse: bool = False
    budget: str | None = None
    reason: str | None = None
    outcome: str = "ok"
    retry: int = 0
    key_fingerprint: str | None = "f1"
    service: str | None = "checkout"
    pid: int | None = None
    process: str | None = None
    container: str | None = None
    pod: str | None = None
    namespace: str | None = None
    organization: str | None = None
    user: str | None = None
    alerts: list[tuple[str, str]] = field(default_factory=list)
    session: str | None = None
    project: str | None = None
    trace: str | None = None
    sdk: str | None = None


def entry(number: int = 0, **changed: Any) -> LedgerEntry:
    """The `number`-th entry: one second after the one before, with an id of its own."""
    given: dict[str, Any] = {"id": f"e{number}", "time_ns": START_NS + number * SECOND_NS} | changed
    made = Entry(**given)
    return cast(LedgerEntry, made)


def as_fields(made: LedgerEntry) -> dict[str, Any]:
    """The fields of an entry by name."""
    return {f.name: getattr(made, f.name) for f in fields(Entry)}
