"""`tokmeter run`: an unmodified program, metered and capped, over real sockets and TLS."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.integration.sidecar import LIMIT_S, Bench, command_line

PRICE_NANO = {"gpt-4o": (2_500, 10_000)}
"""Nano-USD for one input and one output token."""


def test_calls_are_metered_priced_and_summed_up(bench: Bench) -> None:
    summary = bench.folder / "summary.json"

    done = bench.tokmeter(
        "run", "--config", bench.config, "--json", summary, "--", *bench.calls("api.openai.com", 3, "tokens=50")
    )

    assert [line.split()[0] for line in done.stdout.splitlines()] == ["200"] * 3, "stdout is the program's alone"
    first = bench.simulator.requests[0]
    assert first.server_name == "api.openai.com"
    found = json.loads(summary.read_text())
    assert (found["status"], found["calls"], found["refused"]) == (0, 3, 0)
    assert found["input_tokens"] == sum(request.input_tokens for request in bench.simulator.requests)
    assert found["output_tokens"] == 150
    price_in, price_out = PRICE_NANO["gpt-4o"]
    cost = 3 * (first.input_tokens * price_in + 50 * price_out)
    assert round(float(found["cost_usd"]) * 10**9) == cost
    assert "gpt-4o" in done.stderr
    assert "CALLS" in done.stderr


def test_the_cap_refuses_before_the_provider_is_asked(bench: Bench) -> None:
    done = bench.tokmeter(
        "run", "--budget", "0.0025", "--config", bench.config, "--", *bench.calls("api.openai.com", 5, "tokens=90")
    )

    answers = done.stdout.splitlines()
    admitted = sum(line.startswith("200") for line in answers)
    assert 0 < admitted < 5
    assert answers[-1] == "429 false insufficient_quota"
    assert len(bench.simulator.requests) == admitted, "a refused call costs nothing"
    assert f"refused {5 - admitted} of 5 calls" in done.stderr
    with closing(sqlite3.connect(bench.ledger)) as ledger:
        spent = ledger.execute("SELECT sum(cost_nano_usd) FROM entry").fetchone()[0]
    assert 0 < spent <= 2_500_000


def test_a_second_run_has_its_own_cap(bench: Bench) -> None:
    for _ in range(2):
        done = bench.tokmeter(
            "run", "--budget", "0.0025", "--config", bench.config, "--", *bench.calls("api.openai.com", 1, "tokens=90")
        )
        assert done.stdout.startswith("200")


def test_both_providers_are_refused_in_their_own_words(bench: Bench) -> None:
    bench.configure(
        """
        budgets:
          - {name: none, limit: {requests: 1}, window: {period: total}}
        """
    )
    bench.tokmeter("run", "--config", bench.config, "--", *bench.calls("api.openai.com", 1))

    done = bench.tokmeter("run", "--config", bench.config, "--", *bench.calls("api.anthropic.com", 1))

    assert done.stdout == "429 false rate_limit_error\n", "and the first run is remembered by the second"


@pytest.mark.parametrize(
    ("program", "status"),
    [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137), ("pass", 0)],
)
def test_the_status_is_the_command_s(bench: Bench, program: str, status: int) -> None:
    done = bench.tokmeter("run", "--config", bench.config, "--", sys.executable, "-c", program, check=False)

    assert done.returncode == status
    assert "no LLM calls were seen" in done.stderr


def test_a_command_that_is_not_there_is_named(bench: Bench) -> None:
    done = bench.tokmeter("run", "--config", bench.config, "--", "no-such-command", check=False)

    assert done.returncode == 127
    assert "error: command not found\n  at: no-such-command" in done.stderr


def test_a_command_that_cannot_be_run_is_named(bench: Bench) -> None:
    done = bench.tokmeter("run", "--config", bench.config, "--", bench.config, check=False)

    assert done.returncode == 126
    assert "cannot be run" in done.stderr
    assert f"at: {bench.config}" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_command(bench: Bench, number: signal.Signals) -> None:
    program = (
        "import signal, sys\n"
        f"signal.signal({int(number)}, lambda *_: sys.exit(42))\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    with subprocess.Popen(
        command_line("run", "--config", bench.config, "--", sys.executable, "-c", program),
        env=bench.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, number)
        _, words = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 42, words


def test_arguments_of_the_command_are_its_own(bench: Bench) -> None:
    program = "import sys; print(sys.argv[1:])"

    done = bench.tokmeter("run", "--config", bench.config, sys.executable, "-c", program, "--budget", "x", "--", "-h")

    assert done.stdout == "['--budget', 'x', '--', '-h']\n"


def test_roots_of_the_user_s_own_stay_trusted(bench: Bench, tmp_path: Path) -> None:
    program = "import os; print(open(os.environ['SSL_CERT_FILE']).read())"
    own = bench.simulator.ca_path.read_text().strip()

    done = bench.tokmeter(
        "run",
        "--config",
        bench.config,
        "--",
        sys.executable,
        "-c",
        program,
        SSL_CERT_FILE=str(bench.simulator.ca_path),
    )

    assert own in done.stdout
    assert done.stdout.count("BEGIN CERTIFICATE") > 10


def test_a_proxy_of_the_user_s_own_is_replaced_aloud(bench: Bench) -> None:
    done = bench.tokmeter(
        "run",
        "--config",
        bench.config,
        "--",
        *bench.calls("api.openai.com", 1),
        HTTPS_PROXY="http://127.0.0.1:9",
    )

    assert done.stdout.startswith("200")
    assert "HTTPS_PROXY=http://127.0.0.1:9 is replaced" in done.stderr


@pytest.mark.parametrize("amount", ["0", "-1", "free", "nan", "0.0000000001", "inf"])
def test_a_wrong_budget_starts_nothing(bench: Bench, amount: str) -> None:
    done = bench.tokmeter("run", f"--budget={amount}", "--", "touch", bench.folder / "ran", check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert not (bench.folder / "ran").exists()


def test_a_cap_beside_configured_budgets_starts_at_nothing(bench: Bench) -> None:
    bench.configure("budgets:\n  - {name: daily, limit: {usd: 0.5}, window: {period: day}, alert_at: [0.001]}\n")

    answers = []
    for _ in range(2):
        done = bench.tokmeter(
            "run", "--budget", "0.0025", "--config", bench.config, "--", *bench.calls("api.openai.com", 1, "tokens=90")
        )
        answers.append(done.stdout.split()[0])
        alerted = "budget daily has reached 0.001 of its limit" in done.stderr
        assert alerted is (len(answers) == 1), "an alert is told once a window, restarts included"

    assert answers == ["200", "200"], "what the first run spent is the day's, not the second run's"


def test_a_broken_configuration_starts_nothing(bench: Bench) -> None:
    bench.configure("servise: x\n")

    done = bench.tokmeter("run", "--config", bench.config, "--", "touch", bench.folder / "ran", check=False)

    assert done.returncode == 2
    assert f"at: {bench.config}:" in done.stderr
    assert not (bench.folder / "ran").exists()


def test_nothing_is_left_running(bench: Bench) -> None:
    done = bench.tokmeter(
        "run", "--config", bench.config, "--", sys.executable, "-c", "import os; print(os.environ['HTTPS_PROXY'])"
    )
    host, port = done.stdout.strip().removeprefix("http://").split(":")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=5)
