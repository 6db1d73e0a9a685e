"""The values that pass between the dialects and the server: a parsed call and the reply to it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from tokmeter.testing.simulator.behaviour import Behaviour

CREATED = 1_767_225_600
"""Every simulated object was created at this instant (seconds since the epoch)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as the dialects see it."""

    number: int
    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    behaviour: Behaviour

    @property
    def model(self) -> str:
        """The requested model, empty when there is none."""
        model = self.body.get("model")
        return model if isinstance(model, str) else ""

    @property
    def streamed(self) -> bool:
        """Whether a stream was asked for."""
        return self.body.get("stream") is True

    def output_tokens(self, *limits: str) -> tuple[int, bool]:
        """Visible output tokens, and whether a limit of the request (the first key present) cut them."""
        wanted = self.behaviour.tokens
        for key in limits:
            allowed = self.body.get(key)
            if isinstance(allowed, int) and not isinstance(allowed, bool):
                return min(wanted, max(allowed, 0)), allowed < wanted
        return wanted, False


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back: either `body`, or the events of a stream."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    lead: list[bytes] = field(default_factory=list)
    pieces: list[bytes] = field(default_factory=list)
    tail: list[bytes] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0


def compact(value: object) -> str:
    """JSON on one line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def grouped(words: list[str], chunks: int | None) -> list[str]:
    """The words joined into at most `chunks` pieces."""
    if chunks is None or chunks >= len(words):
        return words
    if chunks <= 0:
        return []
    size, extra = divmod(len(words), chunks)
    pieces, start = [], 0
    for index in range(chunks):
        end = start + size + (index < extra)
        pieces.append("".join(words[start:end]))
        start = end
    return pieces
