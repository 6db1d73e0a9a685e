"""One finished exchange as the live view needs it, read from an event. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Self

NANO = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """Names and numbers of one exchange; unknown names are a dash, unknown counts zero."""

    service: str
    process: str
    provider: str
    model: str
    second: int
    """When it ended, seconds since the Unix epoch."""
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cost_nano_usd: int
    refused: bool
    priced: bool

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> Self | None:
        """Read an object of the event stream; None when it is no model call. Raises `ValueError` when malformed."""
        try:
            if not event["llm"]:
                return None
            start = datetime.fromisoformat(event["time"]).timestamp()
            usage = event["usage"]
            return cls(
                service=str(event.get("service") or "-"),
                process=str(event.get("process") or "-"),
                provider=str(event["provider"]),
                model=str(event["response_model"] or event["request_model"] or "-"),
                second=int(start + float(event["duration_s"] or 0)),
                input_tokens=int(usage["input_tokens"] or 0),
                output_tokens=int(usage["output_tokens"] or 0),
                cache_read_tokens=int(usage["cache_read_tokens"] or 0),
                cost_nano_usd=int(Decimal(event["cost_usd"] or 0) * NANO),
                refused=event.get("decision") == "refuse",
                priced=bool(event["priced"]),
            )
        except (KeyError, TypeError, AttributeError, InvalidOperation, OverflowError) as reason:
            raise ValueError(f"not an event: {reason}") from reason
