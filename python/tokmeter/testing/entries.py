"""Sample ledger entries: the shape of `tokmeter._core.LedgerEntry`, made by hand. Knows no meter and no ledger."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

USAGE_NAMES = (
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
"""The eleven counts of the JSON contract, in its order."""


def usage(**counts: int | None) -> dict[str, int | None]:
    """All eleven counts, those not named being unknown; raises `ValueError` for a name that is none of them."""
    unknown = sorted(set(counts) - set(USAGE_NAMES))
    if unknown:
        raise ValueError(f"not a count: {', '.join(unknown)}")
    return {name: counts.get(name) for name in USAGE_NAMES}


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleEntry:
    """One finished exchange with plausible values; every field of a ledger entry, same names and types."""

    id: str = "00000000000000000000000000000001"
    time_ns: int = 1_767_225_600_000_000_000
    duration_ns: int = 850_000_000
    first_chunk_ns: int | None = 210_000_000
    capture: str = "proxy"
    llm: bool = True
    provider: str = "openai"
    operation: str = "chat"
    request_model: str | None = "gpt-4o-mini"
    response_model: str | None = "gpt-4o-mini-2024-07-18"
    stream: bool = False
    status: int = 200
    usage: dict[str, int | None] = field(default_factory=lambda: usage(input_tokens=120, output_tokens=40))
    provenance: str = "reported"
    defects: list[str] = field(default_factory=list)
    cost_nano_usd: int | None = 42_000
    priced: bool = True
    decision: str = "admit"
    would_refuse: bool = False
    budget: str | None = None
    reason: str | None = None
    outcome: str = "ok"
    retry: int = 0
    key_fingerprint: str | None = None
    service: str | None = "checkout"
    pid: int | None = None
    process: str | None = None
    container: str | None = None
    pod: str | None = None
    namespace: str | None = None
    organization: str | None = None
    user: str | None = None
    alerts: list[tuple[str, str]] = field(default_factory=list)
    session: str | None = None
    project: str | None = None
    trace: str | None = None
    sdk: str | None = None

    def to_json(self) -> str:
        """The object of the public contract, on one line."""
        start = datetime.fromtimestamp(self.time_ns // 1_000_000_000, UTC)
        return json.dumps(
            {
                "id": self.id,
                "time": start.isoformat().replace("+00:00", "Z"),
                "duration_s": self.duration_ns / 1e9,
                "first_chunk_s": None if self.first_chunk_ns is None else self.first_chunk_ns / 1e9,
                "capture": self.capture,
                "service": self.service,
                "pid": self.pid,
                "process": self.process,
                "container": self.container,
                "pod": self.pod,
                "namespace": self.namespace,
                "user": self.user,
                "decision": self.decision,
                "budget": self.budget,
                "session": self.session,
                "project": self.project,
                "trace": self.trace,
                "sdk": self.sdk,
                "llm": self.llm,
                "provider": self.provider,
                "operation": self.operation,
                "request_model": self.request_model,
                "response_model": self.response_model,
                "stream": self.stream,
                "status": self.status,
                "usage": self.usage,
                "provenance": self.provenance,
                "defects": self.defects,
                "cost_usd": _usd(self.cost_nano_usd),
                "priced": self.priced,
            }
        )


def _usd(nano_usd: int | None) -> str | None:
    if nano_usd is None:
        return None
    whole, fraction = divmod(nano_usd, 10**9)
    return f"{whole}.{fraction:09d}"
