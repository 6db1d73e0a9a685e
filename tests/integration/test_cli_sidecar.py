"""The sidecar with the commands around it: report, budget, watch; and how it starts and ends."""

from __future__ import annotations

import csv
import io
import json
import signal
import socket
import subprocess

import pytest

from tests.integration.sidecar import LIMIT_S, Bench, run

BUDGET = """
budgets:
  - {name: daily, scope: {service: checkout}, limit: {usd: 1, requests: 100}, window: {period: day, timezone: Europe/Berlin}}
"""


@pytest.fixture
def spent(bench: Bench) -> Bench:
    """Two calls of one provider and one of the other are in the ledger."""
    bench.configure(BUDGET)
    with bench.proxy() as served:
        environ = {**bench.environ, **served.variables()}
        run(bench.calls("api.openai.com", 2, "tokens=50"), environ)
        run(bench.calls("api.anthropic.com", 1, "tokens=50"), environ)
    return bench


def test_the_report_groups_what_the_ledger_holds(spent: Bench) -> None:
    done = spent.tokmeter("report", "--config", spent.config, "--by", "service,provider,model", "--json")

    groups = {group["provider"]: group for group in json.loads(done.stdout)}
    assert set(groups) == {"openai", "anthropic"}
    openai = groups["openai"]
    assert (openai["service"], openai["model"], openai["calls"], openai["output_tokens"]) == (
        "checkout",
        "gpt-4o",
        2,
        100,
    )
    assert float(openai["cost_usd"]) == pytest.approx(2 * float(openai["p50_usd"]))
    assert float(groups["anthropic"]["cost_usd"]) > 0


def test_the_report_has_the_same_numbers_in_every_form(spent: Bench) -> None:
    rows = list(
        csv.DictReader(io.StringIO(spent.tokmeter("report", "--ledger", spent.ledger, "--format", "csv").stdout))
    )
    table = spent.tokmeter("report", "--ledger", spent.ledger).stdout
    objects = json.loads(spent.tokmeter("report", "--ledger", spent.ledger, "--format", "json").stdout)

    assert [row["cost_usd"] for row in rows] == [group["cost_usd"] for group in objects]
    assert table.splitlines()[-1].split()[:2] == ["total", "3"]


def test_the_report_can_be_limited_in_time(spent: Bench) -> None:
    later = spent.tokmeter("report", "--ledger", spent.ledger, "--since", "2100-01-01", "--json")
    earlier = spent.tokmeter("report", "--ledger", spent.ledger, "--until", "2100-01-01T00:00:00+02:00", "--json")

    recent = spent.tokmeter("report", "--ledger", spent.ledger, "--since", "1h", "--json")
    older = spent.tokmeter("report", "--ledger", spent.ledger, "--until", "1h", "--json")

    assert json.loads(later.stdout) == json.loads(older.stdout) == []
    assert sum(group["calls"] for group in json.loads(recent.stdout)) == 3
    assert sum(group["calls"] for group in json.loads(earlier.stdout)) == 3


def test_a_ledger_that_is_not_there_is_an_error(bench: Bench) -> None:
    done = bench.tokmeter("report", "--config", bench.config, check=False)

    assert done.returncode == 1
    assert f"at: {bench.ledger}" in done.stderr


def test_budgets_are_worked_out_from_the_ledger(spent: Bench) -> None:
    done = spent.tokmeter("budget", "list", "--config", spent.config, "--json")

    (account,) = json.loads(done.stdout)
    report = json.loads(spent.tokmeter("report", "--ledger", spent.ledger, "--json").stdout)
    assert account["name"] == "daily"
    assert account["spent_requests"] == 3
    assert float(account["spent_usd"]) == pytest.approx(sum(float(group["cost_usd"]) for group in report))
    assert float(account["held_usd"]) == 0
    assert account["refusals"] is account["would_refuse"] is None, "only the process that refused knows"
    assert account["resets"].endswith("Z")


def test_a_budget_is_shown_with_every_limit(spent: Bench) -> None:
    words = spent.tokmeter("budget", "show", "daily", "--config", spent.config).stdout

    assert "usd" in words
    assert "requests" in words
    assert "refused" not in words
    unknown = spent.tokmeter("budget", "show", "weekly", "--config", spent.config, check=False)
    assert unknown.returncode == 1
    assert "budgets: daily" in unknown.stderr


def test_a_running_sidecar_tells_its_budgets_and_numbers(bench: Bench) -> None:
    bench.configure(BUDGET)
    with bench.proxy() as served:
        run(bench.calls("api.openai.com", 2), {**bench.environ, **served.variables()})

        (account,) = json.loads(bench.tokmeter("budget", "list", "--from", served.where["metrics"], "--json").stdout)
        scrape = served.get("/metrics")
        health = json.loads(served.get("/healthz"))

    assert account["spent_requests"] == 2
    assert account["held_requests"] == 0
    assert 'tokmeter_budget_spent_usd{budget="daily"' in scrape
    assert "tokmeter_build_info{" in scrape
    assert health["status"] == "ok"


def test_what_is_beside_it_may_wait_until_it_is_ready(bench: Bench) -> None:
    with bench.proxy() as served:
        place = served.where["metrics"].removeprefix("http://")
        # Somebody else's proxy variables must not lead the question astray.
        waited = bench.tokmeter("proxy", "--await", 30, "--metrics", place, http_proxy="http://127.0.0.1:9")

        assert (waited.returncode, waited.stdout) == (0, "")
        assert json.loads(served.get("/readyz")) == {"ready": True}

    late = bench.tokmeter("proxy", "--await", 0, "--metrics", place, check=False)
    assert late.returncode == 1
    assert "no proxy was ready" in late.stderr


def test_a_configuration_may_come_by_the_environment(spent: Bench) -> None:
    text = spent.config.read_text()

    done = spent.tokmeter("budget", "list", "--json", TOKMETER_CONFIGURATION=text)
    wrong = spent.tokmeter("budget", "list", TOKMETER_CONFIGURATION="budgt: []\n", check=False)

    assert [account["name"] for account in json.loads(done.stdout)] == ["daily"]
    assert wrong.returncode == 2
    assert "at: TOKMETER_CONFIGURATION:1, key budgt" in wrong.stderr


def test_a_restarted_sidecar_remembers_what_was_spent(spent: Bench) -> None:
    with spent.proxy() as served:
        (account,) = json.loads(served.get("/budgets"))

    assert account["spent_requests"] == 3
    assert account["spent_nano_usd"] > 0


@pytest.mark.parametrize("option", ["--listen", "--metrics"])
def test_a_port_in_use_is_an_error_and_nothing_stays(bench: Bench, option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = f"127.0.0.1:{taken.getsockname()[1]}"
        done = bench.tokmeter("proxy", "--config", bench.config, option, where, check=False)

    assert done.returncode == 1
    assert "cannot listen: address already in use\n" in done.stderr
    assert f"at: {where}" in done.stderr
    assert "hint:" in done.stderr


def test_sigterm_lets_an_open_exchange_finish(bench: Bench) -> None:
    with bench.proxy() as served:
        with subprocess.Popen(
            bench.calls("api.openai.com", 1, "hold_after=0"),
            env={**bench.environ, **served.variables()},
            stdout=subprocess.PIPE,
            text=True,
        ) as client:
            bench.simulator.until(lambda journal: len(journal.requests) == 1)
            served.process.send_signal(signal.SIGTERM)
            assert served.process.stderr is not None
            while "draining" not in served.process.stderr.readline():
                pass
            bench.simulator.release()
            out, _ = client.communicate(timeout=LIMIT_S)
        assert served.process.wait(LIMIT_S) == 0

    assert out.startswith("200")
    report = json.loads(bench.tokmeter("report", "--ledger", bench.ledger, "--by", "outcome", "--json").stdout)
    assert [(group["outcome"], group["calls"]) for group in report] == [("ok", 1)]


def test_a_second_signal_ends_it_at_once(bench: Bench) -> None:
    with (
        bench.proxy() as served,
        subprocess.Popen(
            bench.calls("api.openai.com", 1, "hold_after=0"),
            env={**bench.environ, **served.variables()},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as client,
    ):
        bench.simulator.until(lambda journal: len(journal.requests) == 1)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.stderr is not None
        while "draining" not in served.process.stderr.readline():
            pass
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(LIMIT_S) == 0
        assert client.wait(LIMIT_S) != 0

    report = json.loads(bench.tokmeter("report", "--ledger", bench.ledger, "--by", "outcome", "--json").stdout)
    assert sum(group["calls"] for group in report) == 1, "what was cut off is recorded"
