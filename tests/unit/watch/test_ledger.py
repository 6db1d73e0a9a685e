"""A ledger as a source of the live view."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tokmeter.testing import SampleEntry
from tokmeter.watch.finished import Finished
from tokmeter.watch.ledger import LedgerSource, event


class Reader:
    def __init__(self, *entries: SampleEntry) -> None:
        self.rows = [(number, asdict(entry)) for number, entry in enumerate(entries, 1)]

    def entries_after(self, sequence: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        return [row for row in self.rows if row[0] > sequence][:limit]


def test_each_entry_is_given_once() -> None:
    reader = Reader(SampleEntry(id="a"), SampleEntry(id="b"))
    source = LedgerSource(reader)  # type: ignore[arg-type]  # the one method that is used

    assert [found["id"] for found in source.events(0)] == ["a", "b"]
    assert source.events(0) == []
    reader.rows.append((3, asdict(SampleEntry(id="c"))))
    assert [found["id"] for found in source.events(0)] == ["c"]


def test_an_entry_is_the_event_that_was_streamed() -> None:
    entry = SampleEntry(cost_nano_usd=42_000, first_chunk_ns=None)
    found = event(asdict(entry))

    assert found["cost_usd"] == "0.000042"
    assert found["time"] == "2026-01-01T00:00:00.000000000Z"
    assert found["first_chunk_s"] is None
    parsed = Finished.from_event(found)
    assert parsed is not None
    assert (parsed.cost_nano_usd, parsed.model) == (42_000, "gpt-4o-mini-2024-07-18")
