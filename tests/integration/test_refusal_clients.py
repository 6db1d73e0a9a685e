"""What a refusal costs: one request on the wire, none at the provider, and never a cent above the cap."""

import pytest

from tests.integration.applications import python_program
from tests.integration.metered import Metered
from tokmeter.testing import Behaviour

EMPTY = "budgets: [{name: flock-daily, limit: {usd: 0.000001}, window: {period: day}}]"
CAP_NANO_USD = 1_000_000_000
CALLERS = 64
TOKENS = 1000


@pytest.mark.parametrize("mode", ["sync", "async"])
@pytest.mark.parametrize(
    ("program", "calls", "native"),
    [
        (
            "openai_calls.py",
            ("chat", "stream", "responses"),
            {"error": "RateLimitError", "status": 429, "code": "insufficient_quota", "type": "insufficient_quota"},
        ),
        (
            "anthropic_calls.py",
            ("messages", "stream", "events"),
            {"error": "RateLimitError", "status": 429, "type": "rate_limit_error"},
        ),
    ],
)
def test_a_refused_call_is_one_request_on_the_wire(
    metered: Metered, program: str, calls: tuple[str, ...], native: dict[str, object], mode: str
) -> None:
    with metered.sidecar(EMPTY) as sidecar:
        lines = sidecar.application([*python_program(program), mode, *calls])
        decisions = sidecar.series("tokmeter_decisions_total")

    assert lines == [{"call": call, **native} for call in calls]
    assert sum(decisions.values()) == len(calls)
    assert all('decision="refuse"' in labels and 'reason="usd"' in labels for labels in decisions)
    assert [
        (entry["decision"], entry["outcome"], entry["retry"], entry["cost_nano_usd"]) for entry in metered.entries()
    ] == [("refuse", "refused", 0, 0)] * len(calls)
    assert {entry["budget"] for entry in metered.entries()} == {"flock-daily"}
    assert (metered.simulator.requests, metered.simulator.connections) == ([], 0)


def test_the_providers_own_rejection_is_retried(metered: Metered) -> None:
    """The other side of the test above: without our words the same program asks three times."""
    metered.simulator.follow(*[Behaviour(status=429)] * 3)

    ended = metered.run([*python_program("openai_calls.py"), "sync", "chat"])

    assert [line["error"] for line in ended.lines] == ["RateLimitError"]
    assert [(entry["outcome"], entry["status"], entry["retry"]) for entry in ended.entries] == [
        ("error", 429, 0),
        ("error", 429, 1),
        ("error", 429, 2),
    ]


@pytest.mark.timeout(120)
def test_a_cap_of_one_dollar_holds_with_parallel_callers(metered: Metered) -> None:
    simulator = metered.simulator
    # The first reply to each caller waits until all of them are at the provider.
    simulator.follow(*[Behaviour(tokens=TOKENS, hold_after=0)] * CALLERS)
    simulator.follow(*[Behaviour(tokens=TOKENS)] * CALLERS * 4)

    def let_go() -> None:
        simulator.until(lambda journal: len(journal.requests) == CALLERS, limit_s=40)
        simulator.release()

    with metered.sidecar("budgets: [{name: cap, limit: {usd: 1}, window: {period: total}}]") as sidecar:
        command = [*python_program("parallel_calls.py"), str(CALLERS), str(TOKENS)]
        (said,) = sidecar.application_while(command, let_go)
        held_usd = sidecar.series("tokmeter_budget_held_usd")
        spent_usd = sidecar.series("tokmeter_budget_spent_usd")

    entries = metered.entries()
    admitted = [entry for entry in entries if entry["decision"] == "admit"]
    refused = [entry for entry in entries if entry["decision"] == "refuse"]
    spent = sum(entry["cost_nano_usd"] for entry in entries)
    dearest = max(entry["cost_nano_usd"] for entry in admitted)

    # Nothing above the cap, and the cap is used: another call of this size would not have fitted.
    assert CAP_NANO_USD - 2 * dearest < spent <= CAP_NANO_USD
    assert said["in_flight"] == CALLERS
    assert said["replies"] == len(admitted) == len(simulator.requests)
    assert said["errors"] == {"RateLimitError": CALLERS}
    assert len(refused) == CALLERS
    assert {(entry["outcome"], entry["provenance"]) for entry in admitted} == {("ok", "reported")}
    assert list(held_usd.values()) == [0.0]
    assert [round(value * 1e9) for value in spent_usd.values()] == [spent]
