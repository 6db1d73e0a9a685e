"""What a source of the live view is. Knows no table and no particular source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

QUEUE_MAX = 10_000
"""Events given at a time, and waiting to be drawn."""


@dataclass(frozen=True, slots=True)
class Stops:
    """Exhausted budget accounts, and how many processes are refused connections for them."""

    budgets: tuple[str, ...] = ()
    processes: int = 0


@dataclass(frozen=True, slots=True)
class Unmetered:
    """Connections of one process to one host that could not be read."""

    pid: int
    process: str
    host: str
    connections: int
    sent: int
    received: int
    why: str
    """And what to do."""


class Source(Protocol):
    """Tells what has happened since it was asked last."""

    def events(self, limit_s: float) -> list[dict[str, Any]]:
        """Finished exchanges as objects of the event stream, oldest first, waiting up to `limit_s` for the first."""

    def budgets(self) -> list[dict[str, Any]]:
        """The budget accounts now, as a snapshot lists them; empty where the source knows none."""

    def stopped(self) -> Stops:
        """What is stopped now; nothing where the source stops nothing."""

    def unmetered(self) -> Sequence[Unmetered]:
        """What goes to LLMs and cannot be read, most bytes first; nothing where the source does not know."""

    @property
    def malformed(self) -> int:
        """Events that could not be read."""

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
