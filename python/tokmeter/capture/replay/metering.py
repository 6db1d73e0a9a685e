"""Puts recorded exchanges through the meter, in order. One `Replay` for one recording. Knows no file format."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tokmeter._core import Attribution, Meter, PriceBook, Request
from tokmeter.capture.replay.recording import RecordedExchange

COUNTS = (
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
"""The keys of `usage` in the replay contract, for entries that the meter never sees."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One metered entry: the line of the replay contract, and its object."""

    line: str

    @property
    def values(self) -> dict[str, Any]:
        """The object that the line holds."""
        value: dict[str, Any] = json.loads(self.line)
        return value


class Replay:
    """The meter of one recording: repeated polls of one response are recognised within it."""

    def __init__(self, price_book: PriceBook | None = None) -> None:
        """Meter with `price_book`, or the embedded one."""
        # No fingerprint and no exchange id leaves a replay, so the seed may be fixed, and the output repeats exactly.
        self._meter = Meter(price_book=price_book or PriceBook.embedded(), capture="replay", seed=bytes(16))
        self._who = Attribution()

    def measure(self, recorded: RecordedExchange) -> Measured:
        """Meter one exchange."""
        request = Request(
            method=recorded.method,
            host=recorded.host,
            port=recorded.port,
            path=recorded.path,
            headers=recorded.headers,
            body=recorded.body,
        )
        exchange = self._meter.open(request, self._who, recorded.time_ns)
        if exchange is None:
            return _not_metered(recorded)
        end = recorded.time_ns + recorded.duration_ns
        if recorded.status is not None:
            exchange.respond(recorded.status, recorded.response_headers)
            exchange.feed(recorded.response_body, end)
        for message in recorded.messages:
            if message.sent:
                exchange.sent(message.frame, message.time_ns)
            else:
                exchange.feed(message.frame, message.time_ns)
        gone = recorded.status is None or recorded.broke_off
        entry = exchange.close("upstream_gone" if gone else "complete", end)
        return _not_metered(recorded) if entry is None else Measured(entry.to_replay_json(recorded.index))


def _not_metered(recorded: RecordedExchange) -> Measured:
    """What the contract says of an exchange with a host that is no model provider."""
    values = {
        "index": recorded.index,
        "llm": False,
        "provider": "none",
        "operation": "none",
        "request_model": None,
        "response_model": None,
        "stream": False,
        "status": recorded.status or 0,
        "usage": dict.fromkeys(COUNTS),
        "provenance": "none",
        "defects": [],
        "cost_usd": None,
        "priced": False,
    }
    return Measured(json.dumps(values, separators=(",", ":")))
