"""What the tracer is asked to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from tokmeter.capture.ebpf import limits

LOADERS: Final = ("auto", "core", "bcc")
"""``core`` loads the object that ships with this version; ``bcc`` compiles the same source with the distribution's BCC;
``auto`` takes the first that works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which processes are traced."""

    processes: Callable[[], Iterable[int]]
    """Their ids now; asked again while the tracer runs. Raises `TokmeterError` when what was chosen is gone."""
    everybody: bool = False
    """Every process but the tracer's own may be looked at, from its first byte on. What is not known to go to an LLM is still
    not copied."""
    shared: bool = False
    """Attach to a library once for all who use it, instead of to each process: cheaper for many processes and without a gap
    at their start, but others who use the same file are slowed down, though never looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracerSettings:
    """How it is done."""

    selection: Selection
    loader: str = "auto"
    ring_bytes: int = limits.RING_BYTES
    """A power of two, at least a page."""
    plain: bool = True
    """Look at HTTP without TLS, too, by system calls."""
