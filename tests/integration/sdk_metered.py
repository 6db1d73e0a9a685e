"""Programs on SDKs under `tokmeter run`: what each call has to become in the ledger, and how that is compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.integration.applications import python_program
from tests.integration.metered import Metered
from tests.integration.sdk_programs import check_answers, check_bytes, without_wire
from tokmeter.testing import Behaviour, ReceivedRequest

EMPTY = "budgets: [{name: flock-daily, limit: {usd: 0.000001}, window: {period: day}}]"
"""A budget in which no call has room."""
CACHED, REASONING = 5, 3


@dataclass(frozen=True)
class Booked:
    """What a call is in the ledger."""

    provider: str
    operation: str
    provenance: str = "reported"
    free: bool = False
    priced: bool = True


def row(entry: Mapping[str, Any]) -> tuple[str, str, str, str, str, int, int]:
    """What is compared of an entry; a number that is not there is a zero."""
    usage = entry["usage"]
    return (
        entry["provider"],
        entry["operation"],
        entry["outcome"],
        entry["decision"],
        entry["provenance"],
        usage["input_tokens"] or 0,
        usage["output_tokens"] or 0,
    )


def wanted(booked: Booked, request: ReceivedRequest) -> tuple[str, str, str, str, str, int, int]:
    """The same of what was served."""
    tokens = (0, 0) if booked.free else (request.input_tokens, request.output_tokens)
    return (booked.provider, booked.operation, "ok", "admit", booked.provenance, *tokens)


def check_metered(metered: Metered, program: str, calls: Mapping[str, Booked]) -> list[dict[str, Any]]:
    """Makes the calls; the bytes are untouched, and the ledger holds the providers' own numbers. Gives the entries."""
    ended = metered.run([*python_program(program), *calls])

    served = metered.simulator.requests
    assert ended.status == 0, ended.stderr
    check_answers(ended.lines, list(calls))
    check_bytes(ended.lines, served)
    assert [row(entry) for entry in ended.entries] == [
        wanted(booked, request) for booked, request in zip(calls.values(), served, strict=True)
    ]
    assert [entry["defects"] for entry in ended.entries if entry["provenance"] == "reported"] == [
        [] for booked in calls.values() if booked.provenance == "reported"
    ]
    for (name, booked), entry in zip(calls.items(), ended.entries, strict=True):
        cost = entry["cost_nano_usd"]
        # A free call costs nothing, and that is known.
        assert (cost == 0) if booked.free else (bool(cost) == booked.priced), name
    return ended.entries


def check_subsets(
    metered: Metered,
    program: str,
    calls: Sequence[str],
    *,
    cached: int | None = CACHED,
    reasoning: int | None = REASONING,
) -> None:
    """Cached and reasoned tokens are subsets of totals that include them, whatever the provider's own sums are."""
    metered.simulator.follow(*[Behaviour(cached=CACHED, reasoning=REASONING)] * len(calls))

    ended = metered.run([*python_program(program), *calls])

    check_answers(ended.lines, calls)
    usages = [entry["usage"] for entry in ended.entries]
    assert [(usage["input_tokens"], usage["output_tokens"]) for usage in usages] == [
        (request.input_tokens, request.output_tokens) for request in metered.simulator.requests
    ]
    assert [(usage["cache_read_tokens"] or 0, usage["reasoning_tokens"] or 0) for usage in usages] == [
        (cached or 0, reasoning or 0)
    ] * len(calls)


def check_refused(metered: Metered, program: str, expected: Sequence[Mapping[str, Any]]) -> None:
    """Each call raises the SDK's own error, is one request on the wire, and never reaches the provider."""
    calls = [str(line["call"]) for line in expected]

    ended = metered.run([*python_program(program), *calls], EMPTY)

    assert without_wire(ended.lines) == list(expected)
    assert [
        (entry["decision"], entry["outcome"], entry["retry"], entry["cost_nano_usd"]) for entry in ended.entries
    ] == [("refuse", "refused", 0, 0)] * len(calls)
    assert (metered.simulator.requests, metered.simulator.connections) == ([], 0)


def check_provider_failure(metered: Metered, program: str, call: str, *, asked: int) -> None:
    """The provider's own rejection reaches the program as it was sent, costs nothing, and repeats are told apart."""
    metered.simulator.follow(*[Behaviour(status=429)] * asked)

    ended = metered.run([*python_program(program), call])

    assert [line["status"] for line in ended.lines] == [429]
    check_bytes(ended.lines, metered.simulator.requests)
    assert [(entry["outcome"], entry["status"], entry["cost_nano_usd"]) for entry in ended.entries] == [
        ("error", 429, 0)
    ] * asked
