"""Every case of the corpus through `tokmeter replay`: the fields that a case names must be in the object of its exchange.

A case is a folder of `cases`: `exchange.har`, and `expected.jsonl` with one object an exchange. The core's own tests read the
same folders in pieces, and the benchmarks measure them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tokmeter.capture.replay.metering import Replay
from tokmeter.capture.replay.recording import RecordedExchange, read

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


def differences(expected: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    """What `found` has otherwise than `expected`; of `usage`, only the counts that are named."""
    flat = {name: value for name, value in expected.items() if name != "usage"} | expected.get("usage", {})
    seen = found | found["usage"]
    return {name: (value, seen[name]) for name, value in flat.items() if seen[name] != value}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_gives_what_is_expected(case: Path) -> None:
    replay = Replay()
    lines = (case / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    exchanges = list(read(case / "exchange.har"))
    assert len(exchanges) == len(lines)

    for line, recorded in zip(lines, exchanges, strict=True):
        assert isinstance(recorded, RecordedExchange), recorded
        found = replay.measure(recorded).values
        assert differences(json.loads(line), found) == {}, recorded.index
