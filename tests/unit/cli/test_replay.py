"""`tokmeter replay`: what it prints, and how it ends on broken input."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.capture.test_replay import completed, entry, har
from tests.unit.cli.conftest import Outcome


def test_one_object_an_entry_in_order(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = tokmeter(
        "replay", "--json", har(tmp_path, completed(), entry(request__url="https://example.org/"), completed())
    )

    found = [json.loads(line) for line in outcome.out.splitlines()]
    assert outcome.status == 0
    assert [(record["index"], record["llm"]) for record in found] == [(0, True), (1, False), (2, True)]


def test_a_broken_entry_is_named_and_the_rest_is_metered(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    path = har(tmp_path, completed(), {"request": {}}, completed())

    outcome = tokmeter("replay", "--json", path)

    assert outcome.status == 1
    assert [json.loads(line)["index"] for line in outcome.out.splitlines()] == [0, 2]
    assert outcome.err == f"error: entry 1 is broken: url is missing\n  at: {path}\n"


def test_a_broken_file_is_named_and_the_next_is_metered(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    broken = tmp_path / "broken.har"
    broken.write_text('{"log":')

    outcome = tokmeter("replay", "--json", broken, har(tmp_path, completed()))

    assert outcome.status == 1
    assert len(outcome.out.splitlines()) == 1
    assert f"at: {broken}:1:8" in outcome.err


def test_people_get_sums_by_model(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = tokmeter("replay", har(tmp_path, completed(), completed(), entry(request__url="https://example.org/")))

    header, row = outcome.out.splitlines()
    assert header.split() == ["PROVIDER", "MODEL", "CALLS", "INPUT", "OUTPUT", "COST", "UNPRICED"]
    assert row.split()[:5] == ["openai", "gpt-4o-2024-08-06", "2", "22", "14"]


@pytest.mark.parametrize("arguments", [[], ["--form", "x"]])
def test_files_must_be_named(tokmeter: Callable[..., Outcome], arguments: list[str]) -> None:
    assert tokmeter("replay", *arguments).status == 2
