"""What a ledger is, whichever store keeps it.

Owns the protocols and the values they exchange. Refuses to know SQL and files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tokmeter._core import LedgerEntry

USAGE: tuple[str, ...] = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "web_search_requests",
)
"""The counts of an entry, by the names of the public contract."""

DIMENSIONS: tuple[str, ...] = (
    "service",
    "provider",
    "operation",
    "model",
    "user",
    "key",
    "process",
    "pod",
    "namespace",
    "organization",
    "project",
    "session",
    "sdk",
    "outcome",
    "decision",
    "hour",
    "day",
    "month",
)
"""What the spend on models can be grouped by.

Hours, days and months are UTC; `model` is the one that answered, else the one asked for.
"""


DROP_REASONS: tuple[str, ...] = ("queue_full", "unwritable", "closed")
"""Why a row is lost: the store failed for too long, the row fits no schema, or it came during or after closing."""


@dataclass(frozen=True, slots=True)
class Correction:
    """Adjusts an entry that is in the ledger; both rows stay."""

    id: str
    """Ours and unique: the same correction applied twice counts once."""
    corrects: str
    """The id of the entry."""
    reason: str
    cost_nano_usd: int | None = None
    """Added to the entry's cost; may be negative. None leaves it, also where it is unknown."""
    usage: Mapping[str, int] = field(default_factory=dict)
    """Added to the entry's counts, by name; may be negative. A count that is not named is left."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """How far the core's own counts for a model lie from what its provider states, in the core's form."""

    provider: str
    model: str
    input: str
    """Of prompts: exchanges by percent of the estimate, like ``112:40 113:7``."""
    output: str
    """Of replies."""


@dataclass(frozen=True, slots=True)
class Spend:
    """One group of exchanges with a model, corrections included."""

    group: tuple[str | None, ...]
    """The values of the dimensions asked for, in their order."""
    calls: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_nano_usd: int
    """The sum over priced exchanges."""
    unpriced: int
    """Calls with tokens but without a price: their cost is unknown, not zero."""
    p50_nano_usd: int | None
    """Nearest-rank percentiles of the cost of one call, over priced calls that were not refused."""
    p95_nano_usd: int | None
    p99_nano_usd: int | None


@dataclass(frozen=True, slots=True)
class LedgerState:
    """How writing goes, for metrics and health."""

    written: int
    """Rows that are durable, repeated ones included."""
    queued: int
    dropped: Mapping[str, int]
    """Rows lost, by `DROP_REASONS`."""
    errors: int
    """Attempts to write that failed; their rows stay queued."""
    last_error: str | None
    """What the store said last, while it is failing; None once a write went through."""


class Ledger(Protocol):
    """Takes entries in the hot path and makes them durable behind it."""

    def append(self, entry: LedgerEntry) -> None:
        """Queues an entry; never blocks, never raises. A full queue drops it and counts that."""

    def correct(self, correction: Correction) -> None:
        """Queues a correction, as `append` does."""

    def learn(self, calibration: Calibration) -> None:
        """Keeps what was learned of a model, in place of what was kept before; never blocks, never raises."""

    def flush(self, timeout_s: float) -> bool:
        """Waits until everything queued before is durable or dropped; False when the time was over first."""

    def close(self, timeout_s: float) -> bool:
        """Flushes and stops; what could not be written is counted as dropped. False when anything was."""

    def state(self) -> LedgerState:
        """Consistent counts."""


class LedgerReader(Protocol):
    """Reads a ledger, also while somebody writes it."""

    def entries(self, since_ns: int, until_ns: int) -> Iterator[dict[str, Any]]:
        """Entries admitted in [since, until), oldest first, corrections applied: fields of `LedgerEntry` by name."""

    def entries_after(self, sequence: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Up to `limit` entries recorded after position `sequence`, each with its own position; 0 is the beginning."""

    def spend(self, by: Sequence[str], since_ns: int, until_ns: int) -> list[Spend]:
        """Groups by `DIMENSIONS`, dearest first. Raises `ValueError` for another dimension."""

    def calibrations(self) -> list[Calibration]:
        """What was learned of each model."""

    def close(self) -> None:
        """Gives the store back."""
