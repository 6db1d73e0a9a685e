"""Recorded provider traffic, replayed by the command and compared with the usage each pair is expected to yield.

The recordings are kept beside the repository and read in place; without them these tests are skipped by name.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

REPORTED = {"reported"}

type Usage = dict[str, int | None]


@lru_cache
def replayed(path: Path) -> dict[int, dict[str, Any]]:
    """What `tokmeter replay --json` says of each entry of a recording."""
    done = subprocess.run(
        [sys.executable, "-m", "tokmeter", "replay", "--json", str(path)],
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [record["index"] for record in found] == list(range(len(found))), "one object an entry, in order"
    return dict(enumerate(found))


@pytest.fixture(scope="module")
def expected(recordings: Path) -> list[dict[str, Any]]:
    """The scored pairs with a provider."""
    rows = [json.loads(line) for line in (recordings / "expected.jsonl").read_text().splitlines()]
    return [row for row in rows if row["llm"] and row["scored"]]


def mismatch(row: dict[str, Any], usage: Usage) -> dict[str, Any]:
    """The fields that differ from every accepted reading; unknown and zero are equal."""
    differences = [
        {
            name: {"expected": reading[name], "found": usage[name]}
            for name in reading
            if name not in row["unscored_fields"] and (reading[name] or 0) != (usage[name] or 0)
        }
        for reading in (row["usage"], *row["alternatives"])
    ]
    return min(differences, key=len)


def test_every_entry_of_every_recording_is_answered(recordings: Path) -> None:
    files = sorted(recordings.glob("*.har"))
    assert files
    for path in files:
        entries = json.loads(path.read_bytes())["log"]["entries"]
        assert len(replayed(path)) == len(entries), path.name


def test_reported_usage_matches_exactly(recordings: Path, expected: list[dict[str, Any]]) -> None:
    rows = [row for row in expected if row["usage_present"]]
    wrong = {}
    for row in rows:
        found = replayed(recordings / row["har"])[row["index"]]
        differences = mismatch(row, found["usage"])
        if differences or found["provenance"] not in REPORTED:
            wrong[row["har"], row["index"]] = differences or found["provenance"]

    assert wrong == {}
    assert len(rows) > 100, "the corpus is not empty by accident"


def test_what_each_call_is_matches(recordings: Path, expected: list[dict[str, Any]]) -> None:
    wrong = {}
    for row in expected:
        found = replayed(recordings / row["har"])[row["index"]]
        names = ("llm", "provider", "status", "stream", "request_model", "response_model")
        differences = {name: (row[name], found[name]) for name in names if row[name] != found[name]}
        if differences:
            wrong[row["har"], row["index"]] = differences

    assert wrong == {}


def test_what_is_free_uses_and_costs_nothing(recordings: Path, expected: list[dict[str, Any]]) -> None:
    rows = [row for row in expected if not row["billable"]]
    for row in rows:
        found = replayed(recordings / row["har"])[row["index"]]
        place = (row["har"], row["index"])
        assert not any(found["usage"].values()), place
        assert float(found["cost_usd"] or 0) == 0, place

    assert rows


def test_usage_that_was_not_reported_is_not_called_reported(recordings: Path, expected: list[dict[str, Any]]) -> None:
    rows = [row for row in expected if row["billable"] and not row["usage_present"]]
    found = Counter(replayed(recordings / row["har"])[row["index"]]["provenance"] for row in rows)

    assert found["reported"] == 0, found
    assert found.total() == len(rows) > 0


def test_other_hosts_are_no_model_calls(recordings: Path) -> None:
    rows = [json.loads(line) for line in (recordings / "expected.jsonl").read_text().splitlines()]
    for row in rows:
        if not row["llm"]:
            found = replayed(recordings / row["har"])[row["index"]]
            assert (found["llm"], found["cost_usd"], found["priced"]) == (False, None, False)
