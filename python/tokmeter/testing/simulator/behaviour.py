"""How one simulated reply behaves, and its text form in the `x-simulate` request header. Knows no provider."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

HEADER = "x-simulate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One reply's script. Times are seconds; a piece is one content event of a stream."""

    tokens: int = 24
    """Output tokens of the reply, unless the request allows fewer."""
    chunks: int | None = None
    """Content pieces a stream is sent in; as many as there are tokens when None."""
    delay: float = 0.0
    """Wait before the status line."""
    interval: float = 0.0
    """Wait before each piece after the first."""
    abort_after: int | None = None
    """Reset the connection after that many pieces (0: right after the header)."""
    end_after: int | None = None
    """End the stream cleanly, but cut short, after that many pieces."""
    hold_after: int | None = None
    """Wait for `release()` after that many pieces (0: before the header, also for replies that are not streamed)."""
    status: int | None = None
    """Answer with the provider's error of that status."""
    gzip: bool = False
    """Compress the body."""
    chunked: bool = False
    """Send a reply that is not streamed with chunked transfer coding."""
    pad: int = 0
    """Bytes of padding added to a reply that is not streamed."""
    silent: bool = False
    """Report no usage."""
    cached: int = 0
    """Input tokens reported as read from the cache."""
    reasoning: int = 0
    """Output tokens reported as reasoning, added to the visible ones."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``delay=0.5,chunks=10,gzip``; raises `ValueError` naming the part that is wrong."""
        values: dict[str, int | float | bool] = {}
        kinds = {field.name: str(field.type) for field in fields(cls)}
        for part in filter(None, (piece.strip() for piece in text.split(","))):
            name, _, value = part.partition("=")
            kind = kinds.get(name.strip())
            if kind is None:
                raise ValueError(f"unknown behaviour {name!r}; known: {', '.join(kinds)}")
            values[name.strip()] = _value(kind, part, value.strip())
        return cls(**values)  # type: ignore[arg-type]  # each value was read by its field's type


def _value(kind: str, part: str, text: str) -> int | float | bool:
    if kind == "bool":
        if text not in {"", "1", "0", "true", "false"}:
            raise ValueError(f"{part!r}: a switch is written alone, or with 1 or 0")
        return text in {"", "1", "true"}
    try:
        number = float(text) if kind == "float" else int(text)
    except ValueError:
        raise ValueError(f"{part!r}: not a number") from None
    if number < 0:
        raise ValueError(f"{part!r}: must not be negative")
    return number
