"""One exchange through the real core: into the ledger, out as metrics, and back into a budget after a restart."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tokmeter import _core
from tokmeter.attribution import attribution
from tokmeter.config import meter_arguments
from tokmeter.config.document import parse
from tokmeter.config.load import check
from tokmeter.export.prometheus import Collector, exposition
from tokmeter.store.sqlite import SqliteLedger, SqliteReader

PATIENCE_S = 30.0
NOW_NS = 1_767_225_600_000_000_000
SECOND_NS = 1_000_000_000

CONFIG = """
service: checkout
budgets:
  - {name: money, limit: {usd: 1}, window: {period: day}, scope: {service: checkout}}
  - {name: tokens, limit: {tokens: 1000}, window: {period: day}}
providers:
  - {host: llm.internal, dialect: openai, name: vllm, rates: {input: 1000, output: 2000}}
"""


def meter() -> _core.Meter:
    arguments = meter_arguments(check(parse(CONFIG, "tokmeter.yaml")))
    return _core.Meter(
        price_book=_core.PriceBook.embedded(),
        budgets=arguments.budgets,
        policies=arguments.policies,
        hosts=arguments.hosts,
        seed=bytes(16),
    )


def exchange(meter: _core.Meter) -> _core.LedgerEntry:
    request = _core.Request(
        method="POST",
        host="llm.internal",
        port=443,
        path="/v1/chat/completions",
        headers=[(b"host", b"llm.internal"), (b"content-type", b"application/json")],
        body=json.dumps({"model": "m", "max_tokens": 20, "messages": [{"role": "user", "content": "hi"}]}).encode(),
    )
    opened = meter.open(request, attribution("checkout", {"TOKMETER_USER": "ada"}), NOW_NS)
    assert opened is not None
    opened.respond(200, [(b"content-type", b"application/json")])
    usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
    reply = {"id": "x", "object": "chat.completion", "model": "m", "choices": [], "usage": usage}
    opened.feed(json.dumps(reply).encode(), NOW_NS + SECOND_NS)
    entry = opened.close("complete", NOW_NS + SECOND_NS)
    assert entry is not None
    return entry


def spent(meter: _core.Meter) -> dict[str, tuple[int, int]]:
    """Nano-USD and tokens by budget."""
    states = meter.snapshot(NOW_NS + SECOND_NS).budgets()
    return {state["name"]: (state["spent_nano_usd"], state["spent_tokens"]) for state in states}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    ledger = SqliteLedger.open(tmp_path / "ledger.db")
    yield ledger
    ledger.close(PATIENCE_S)


def test_the_ledger_keeps_what_the_core_measured(ledger: SqliteLedger, tmp_path: Path) -> None:
    entry = exchange(meter())
    ledger.append(entry)
    assert ledger.flush(PATIENCE_S)

    with SqliteReader.open(tmp_path / "ledger.db") as reader:
        (found,) = reader.entries(0, 2**63 - 1)
        (group,) = reader.spend(["service", "user", "model"], 0, 2**63 - 1)

    assert found == {name: getattr(entry, name) for name in found}
    assert found["cost_nano_usd"] == 100 * 1_000_000 + 10 * 2_000_000
    assert (group.group, group.calls, group.cost_nano_usd) == (("checkout", "ada", "m"), 1, 120_000_000)


def test_the_scrape_shows_what_the_budget_spent() -> None:
    metering = meter()
    exchange(metering)

    text = exposition(Collector(lambda: metering.snapshot(NOW_NS + SECOND_NS))).decode()

    assert 'tokmeter_budget_spent_usd{budget="money",window="day"} 0.12\n' in text
    assert 'tokmeter_budget_limit_usd{budget="money",window="day"} 1.0\n' in text
    (cost,) = [line for line in text.splitlines() if line.startswith("tokmeter_cost_usd_total{")]
    assert cost.endswith(" 0.12")


def test_a_restarted_meter_knows_from_the_ledger_what_was_spent(ledger: SqliteLedger, tmp_path: Path) -> None:
    before = meter()
    ledger.append(exchange(before))
    assert ledger.flush(PATIENCE_S)

    after = meter()
    with SqliteReader.open(tmp_path / "ledger.db") as reader:
        for entry in reader.entries(NOW_NS, NOW_NS + SECOND_NS):
            after.restore(entry, NOW_NS + SECOND_NS)

    assert spent(after) == spent(before)
    assert spent(after)["money"][0] == 120_000_000
