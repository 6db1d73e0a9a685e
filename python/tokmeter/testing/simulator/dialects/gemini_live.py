"""Gemini Live sessions: what a server says to each message of a client. Knows messages, not sockets."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.reply import Call, Counts, Reply, compact, grouped

MARK = "BidiGenerateContent"
"""In the path of a session, whatever version stands before it."""


class GeminiLiveSession:
    """One session; what a client said so far is the input of each turn."""

    binary = True
    fatal = True

    def __init__(self, _call: Call) -> None:
        """Begins a session, of which the model is not known before its first message."""
        self._model = ""
        self._texts: list[str] = []

    def opened(self) -> Reply:
        """Nothing: the client speaks first."""
        return Reply()

    def asks(self, message: dict[str, Any]) -> bool:
        """Whether a message ends the client's turn."""
        content = message.get("clientContent", message.get("client_content"))
        if isinstance(content, dict):
            return bool(content.get("turnComplete", content.get("turn_complete")))
        realtime = message.get("realtimeInput", message.get("realtime_input"))
        return isinstance(realtime, dict) and "text" in realtime

    def heard(self, message: dict[str, Any], call: Call) -> Reply:
        """What is said to a message; `call` has the behaviour of this answer."""
        if "setup" in message:
            self._model = str(message["setup"].get("model", "")).removeprefix("models/")
            return Reply(lead=[_message({"setupComplete": {}})])
        content = message.get("clientContent", message.get("client_content"))
        if isinstance(content, dict):
            self._texts.append(words.text_of(content.get("turns", "")))
        realtime = message.get("realtimeInput", message.get("realtime_input"))
        if isinstance(realtime, dict):
            self._texts.append(str(realtime.get("text", "")))
        return self._turn(call) if self.asks(message) else Reply()

    def failed(self, status: int, _message: str) -> Reply:
        """Nothing: what went wrong is the reason of the close."""
        return Reply(status=status)

    def _turn(self, call: Call) -> Reply:
        spoken = words.reply(call.behaviour.tokens)
        text = "".join(spoken)
        counts = Counts.of(call, words.count("".join(self._texts), self._model), words.count(text, self._model))
        self._texts.append(text)
        ended: dict[str, Any] = {"serverContent": {"turnComplete": True}}
        if not call.behaviour.silent:
            ended["usageMetadata"] = _usage(counts)
        return Reply(
            pieces=[
                _message({"serverContent": {"modelTurn": {"role": "model", "parts": [{"text": piece}]}}})
                for piece in grouped(spoken, call.behaviour.chunks)
            ],
            tail=[_message({"serverContent": {"generationComplete": True}}), _message(ended)],
        ).spending(counts)


def _usage(counts: Counts) -> dict[str, Any]:
    stated: dict[str, Any] = {
        "promptTokenCount": counts.input,
        "responseTokenCount": counts.visible,
        "totalTokenCount": counts.total,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": counts.input}],
        "responseTokensDetails": [{"modality": "TEXT", "tokenCount": counts.visible}],
    }
    if counts.cached:
        stated["cachedContentTokenCount"] = counts.cached
    if counts.reasoning:
        stated["thoughtsTokenCount"] = counts.reasoning
    return stated


def _message(value: dict[str, Any]) -> bytes:
    return compact(value).encode()
