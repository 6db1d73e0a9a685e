"""`tokmeter replay` as a user runs it: several files, broken ones among them, a pipe that closes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.integration.sidecar import LIMIT_S, Bench, command_line
from tests.unit.capture.test_replay import chat, completed, flows, har


def test_flow_and_har_files_are_metered_in_one_go(bench: Bench, tmp_path: Path) -> None:
    done = bench.tokmeter("replay", "--json", flows(tmp_path, chat()), har(tmp_path, completed()))

    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(record["index"], record["usage"]["input_tokens"]) for record in found] == [(0, 3), (0, 11)]


def test_broken_input_is_named_and_the_status_says_so(bench: Bench, tmp_path: Path) -> None:
    cut = flows(tmp_path, chat(), tail=b"500:cut off")

    done = bench.tokmeter("replay", "--json", cut, tmp_path / "missing.har", har(tmp_path, completed()), check=False)

    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert "entry 1 is broken" in done.stderr
    assert "missing.har" in done.stderr


def test_a_pipe_that_closes_early_is_success(bench: Bench, tmp_path: Path) -> None:
    path = har(tmp_path, *[completed()] * 2_000)
    with subprocess.Popen(
        command_line("replay", "--json", path),
        env=bench.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["index"] == 0
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(LIMIT_S) == 0
