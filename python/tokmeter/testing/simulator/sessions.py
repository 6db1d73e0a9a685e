"""Which session a request to upgrade begins. Knows no socket."""

from __future__ import annotations

from typing import Any, Protocol

from tokmeter.testing.simulator.dialects import gemini_live, realtime
from tokmeter.testing.simulator.reply import Call, Reply


class Session(Protocol):
    """One side of a conversation in messages, each a JSON object."""

    binary: bool
    """Whether its messages are sent as bytes."""
    fatal: bool
    """Whether a failure ends it."""

    def opened(self) -> Reply:
        """What is said before the client says anything."""

    def asks(self, message: dict[str, Any]) -> bool:
        """Whether a message asks for an answer of the model, which is what a script is for."""

    def heard(self, message: dict[str, Any], call: Call) -> Reply:
        """What is said to a message; `call` has the behaviour of this answer."""

    def failed(self, status: int, message: str, /) -> Reply:
        """A failure, in a message if it has one for that."""


def session_of(call: Call) -> Session | None:
    """The session of a request; None for one that stays with HTTP."""
    if call.headers.get("upgrade", "").lower() != "websocket":
        return None
    if gemini_live.MARK in call.route:
        return gemini_live.GeminiLiveSession(call)
    if call.route.endswith(realtime.PATH):
        return realtime.RealtimeSession(call)
    return None
