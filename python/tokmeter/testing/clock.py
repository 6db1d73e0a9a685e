"""A clock that moves only when told to. It knows nothing of the wall clock."""

from __future__ import annotations

from datetime import datetime

NANOSECONDS = 1_000_000_000


class ManualClock:
    """Nanoseconds since the Unix epoch; call the object to read it, wherever a ``Callable[[], int]`` is asked for."""

    def __init__(self, start: int | str = "2026-01-01T00:00:00+00:00") -> None:
        """Starts at `start`: nanoseconds since the epoch, or ISO 8601 with an offset."""
        self._now = _instant(start)

    def __call__(self) -> int:
        """The current instant in nanoseconds since the epoch."""
        return self._now

    def advance(self, seconds: float = 0.0, *, ns: int = 0) -> int:
        """Moves forward and returns the new instant; raises `ValueError` for a step back."""
        step = round(seconds * NANOSECONDS) + ns
        if step < 0:
            raise ValueError("a clock is advanced by a positive step; use set() to go back")
        self._now += step
        return self._now

    def set(self, instant: int | str) -> int:
        """Jumps to `instant`, also backwards, as a clock under correction does."""
        self._now = _instant(instant)
        return self._now


def _instant(value: int | str) -> int:
    if isinstance(value, int):
        return value
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no offset; write for example {value}+00:00")
    whole = int(moment.replace(microsecond=0).timestamp())
    return whole * NANOSECONDS + moment.microsecond * 1000
