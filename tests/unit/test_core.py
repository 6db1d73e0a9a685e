"""The native core as Python sees it: types, life cycle, names of the contract, threads."""

from __future__ import annotations

import gc
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tokmeter._core import (
    Admit,
    Attribution,
    Budget,
    Cut,
    Exchange,
    Forward,
    HostRule,
    LedgerEntry,
    Meter,
    Policies,
    PriceBook,
    Refuse,
    Replace,
    Request,
    Rewrite,
)
from tokmeter.export.catalog import CATALOG
from tokmeter.export.prometheus import Collector, exposition

NOW = 1_760_000_000_000_000_000
SECOND = 1_000_000_000
JSON = [(b"Content-Type", b"application/json")]
SSE = [(b"Content-Type", b"text/event-stream")]
USAGE_KEYS = {
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "web_search_requests",
}
CONTRACT_KEYS = {
    "llm",
    "provider",
    "operation",
    "request_model",
    "response_model",
    "stream",
    "status",
    "usage",
    "provenance",
    "defects",
    "cost_usd",
    "priced",
}
EVENT_KEYS = {
    "id",
    "time",
    "duration_s",
    "first_chunk_s",
    "capture",
    "service",
    "pid",
    "process",
    "container",
    "pod",
    "namespace",
    "user",
    "decision",
    "budget",
    "session",
    "project",
    "trace",
    "sdk",
}


def cap(usd: str = "1", scope: list[tuple[str, str]] | None = None) -> Budget:
    return Budget("cap", scope=scope or [], period="day", usd=usd, alert_at=["0.5"])


def build(*budgets: Budget, **named: Any) -> Meter:
    return Meter(price_book=PriceBook.embedded(), budgets=budgets, seed=bytes(16), **named)


def request(*, stream: bool = False, max_tokens: int = 100, **extra: object) -> Request:
    body = {"model": "gpt-4o-mini", "stream": stream, "max_tokens": max_tokens, **extra}
    body["messages"] = [{"role": "user", "content": "hi"}]
    return Request(
        method="POST",
        host="api.openai.com",
        port=443,
        path="/v1/chat/completions",
        headers=[(b"Authorization", b"Bearer sk-secret"), *JSON],
        body=json.dumps(body).encode(),
    )


def opened(meter: Meter, asked: Request | None = None, who: Attribution | None = None) -> Exchange:
    exchange = meter.open(asked or request(), who or Attribution(service="shop"), NOW)
    assert exchange is not None
    return exchange


def finished(exchange: Exchange, usage: dict[str, int] | None = None) -> LedgerEntry:
    exchange.respond(200, JSON)
    usage = usage or {"prompt_tokens": 1_000_000, "completion_tokens": 100_000}
    reply = {"id": "c", "model": "gpt-4o-mini", "choices": [{"message": {"content": "hello"}}], "usage": usage}
    assert isinstance(exchange.feed(json.dumps(reply).encode(), NOW + SECOND), Forward)
    entry = exchange.close("complete", NOW + 2 * SECOND)
    assert entry is not None
    return entry


def test_an_entry_says_what_the_contract_says() -> None:
    entry = finished(opened(build(capture="replay")))

    assert (entry.cost_nano_usd, entry.priced, entry.outcome) == (210_000_000, True, "ok")
    assert entry.usage.keys() == USAGE_KEYS
    event = json.loads(entry.to_json())
    assert event.keys() == CONTRACT_KEYS | EVENT_KEYS
    assert event["usage"].keys() == USAGE_KEYS
    assert (event["cost_usd"], event["service"], event["capture"]) == ("0.21", "shop", "replay")
    assert json.loads(entry.to_replay_json(7)).keys() == CONTRACT_KEYS | {"index"}
    assert "\n" not in entry.to_json()


def test_nothing_of_the_key_and_the_text_is_left() -> None:
    entry = finished(opened(build()))
    fields = [getattr(entry, name) for name in dir(entry) if not name.startswith("_")]

    everything = entry.to_json() + repr(fields)
    assert "sk-secret" not in everything
    assert "hello" not in everything
    assert entry.key_fingerprint is not None
    assert len(entry.key_fingerprint) == 12


def test_an_exchange_closes_once_and_answers_ever_after() -> None:
    exchange = opened(build())
    finished(exchange)

    assert exchange.closed
    assert exchange.close("failed", NOW) is None
    exchange.respond(200, JSON)
    assert isinstance(exchange.feed(b"more", NOW), Forward)
    assert isinstance(exchange.decision, Admit)


def test_a_forgotten_exchange_settles_itself() -> None:
    meter = build(cap())
    exchange: Exchange | None = opened(meter)
    assert meter.snapshot(NOW).series("open_exchanges") == [((), 1)]

    del exchange
    gc.collect()

    snapshot = meter.snapshot(NOW)
    assert snapshot.series("open_exchanges") == [((), 0)]
    assert snapshot.series("unmetered_exchanges") == [(("abandoned",), 1)]
    assert snapshot.budgets()[0]["held_nano_usd"] == 0


def test_a_refusal_is_the_providers_own() -> None:
    exchange = opened(build(cap("0")))

    refusal = exchange.decision
    assert isinstance(refusal, Refuse)
    assert (refusal.status, refusal.budget, refusal.reason) == (429, "cap", "usd")
    headers = dict(refusal.headers)
    assert headers[b"x-should-retry"] == b"false"
    assert 121 <= int(headers[b"retry-after"]) <= 3600
    assert headers[b"x-tokmeter-budget"] == b"cap"
    assert headers[b"x-tokmeter-request-id"].decode() == exchange.id
    assert all(name.isascii() and value.isascii() for name, value in refusal.headers)
    assert json.loads(refusal.body)["error"]["code"] == "insufficient_quota"
    entry = exchange.close("complete", NOW)
    assert entry is not None
    assert (entry.decision, entry.cost_nano_usd) == ("refuse", 0)


def test_a_stream_is_asked_for_its_usage_in_the_clients_place() -> None:
    meter = Meter(price_book=PriceBook.embedded(), policies=Policies(include_usage="inject"), seed=bytes(16))
    exchange = opened(meter, request(stream=True))

    rewrite = exchange.decision
    assert isinstance(rewrite, Rewrite)
    assert json.loads(rewrite.body)["stream_options"] == {"include_usage": True}
    assert dict(rewrite.headers)[b"accept-encoding"] == b"identity"
    assert exchange.respond(200, SSE) is True
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}\n\n'
    replaced = exchange.feed(usage + b"data: [DO", NOW)
    assert isinstance(replaced, Replace)
    assert replaced.data == b""
    assert (exchange.release(), exchange.release()) == (b"data: [DO", b"")
    entry = exchange.close("complete", NOW)
    assert entry is not None
    assert (entry.decision, entry.provenance, entry.usage["output_tokens"]) == ("rewrite", "reported", 7)
    assert meter.snapshot(NOW).series("decisions") == [(("rewrite", "enforce", "include_usage"), 1)]
    with pytest.raises(ValueError, match="leave or inject"):
        Policies(include_usage="ask")  # type: ignore[arg-type]


def test_a_stream_is_cut_and_stays_cut() -> None:
    exchange = opened(build(cap("0.0026")), request(stream=True, max_tokens=100_000))
    exchange.respond(200, SSE)
    event = b'data: {"choices":[{"delta":{"content":"' + b"word " * 500 + b'"}}]}\n\n'
    verdicts = [exchange.feed(event, NOW) for _ in range(20)]

    cuts = [verdict for verdict in verdicts if isinstance(verdict, Cut)]
    assert isinstance(verdicts[0], Forward)
    assert cuts
    assert cuts[0].clean
    assert cuts[0].data.startswith(event)
    assert b"insufficient_quota" in cuts[0].data
    assert all(cut.data == b"" and cut.clean for cut in cuts[1:])


def test_every_source_of_the_catalog_is_a_series_with_its_labels() -> None:
    meter = build(cap())
    finished(opened(meter, request(user="ana")))
    snapshot = meter.snapshot(NOW)

    for metric in CATALOG:
        if metric.adapter:
            continue
        if metric.kind == "histogram":
            rows = snapshot.histogram(metric.source)
            assert all(len(labels) == len(metric.labels) for labels, *_ in rows)
            assert snapshot.bounds(metric.source)
        else:
            assert all(len(labels) == len(metric.labels) for labels, _ in snapshot.series(metric.source))
    with pytest.raises(ValueError, match="no series"):
        snapshot.series("nonsense")
    with pytest.raises(ValueError, match="no histogram"):
        snapshot.histogram("nonsense")


def test_a_history_that_is_sent_again_is_counted_once() -> None:
    meter = build()
    history = [{"role": "user", "content": f"{turn} It is so, and it was so before. " * 20} for turn in range(5)]
    for turns in (2, 4, 5):
        body = json.dumps({"model": "gpt-4o", "messages": history[:turns]}).encode()
        asked = Request(
            method="POST", host="api.openai.com", port=443, path="/v1/chat/completions", headers=JSON, body=body
        )
        opened(meter, asked)
        assert meter.count(asked) == build().count(asked)

    snapshot = meter.snapshot(NOW)
    length = len(history[0]["content"])
    assert sorted(snapshot.series("message_cache_texts")) == [(("hit",), 17), (("miss",), 5)]
    assert sorted(snapshot.series("message_cache_bytes")) == [(("hit",), 17 * length), (("miss",), 5 * length)]


def test_what_the_wire_tells_is_in_the_entry_and_what_was_learned_goes_on() -> None:
    fields = [(b"user-agent", b"curl/8.5.0"), (b"openai-project", b"proj_1"), (b"x-session-id", b"s")]
    meter = build(policies=Policies(plain_users=True, unknown_paths="refuse"))
    asked = Request(
        method="POST", host="api.openai.com", port=443, path="/v1/brand/new", headers=fields, body=b'{"user":"ana"}'
    )
    exchange = meter.open(asked, Attribution(), NOW)
    assert exchange is not None
    entry = exchange.close("complete", NOW)
    assert entry is not None

    assert (entry.sdk, entry.project, entry.trace, entry.user) == ("curl/8.5.0", "proj_1", None, "ana")
    assert (entry.session or "").startswith("session-")
    assert (entry.decision, entry.reason) == ("refuse", "unknown_path")
    meter.restore_calibration("p", "m", "112:40 113:7", "")
    meter.restore_calibration("p", "n", "nonsense", "")
    assert meter.calibrations() == [("p", "m", "112:40 113:7", "")]
    with pytest.raises(ValueError, match="unknown paths"):
        Policies(unknown_paths="ask")


def test_a_prompt_that_was_counted_and_stated_is_compared() -> None:
    meter = build()
    finished(opened(meter))
    snapshot = meter.snapshot(NOW)

    ((labels, stated),) = snapshot.series("stated_input_tokens")
    ((same, counted),) = snapshot.series("counted_input_tokens")
    assert labels == same == ("openai", "gpt-4o-mini", "exact")
    assert stated == 1_000_000
    assert 0 < counted < 100


def test_accounts_by_user_or_key_never_name_anybody_in_a_metric() -> None:
    meter = build(cap(scope=[("user", "*"), ("key", "*")]))
    users = ("ana", "bo")
    fingerprint, _ = [finished(opened(meter, who=Attribution(user=user))).key_fingerprint for user in users]
    snapshot = meter.snapshot(NOW)

    assert snapshot.series("budget_spent_nano_usd") == [(("cap", "day"), 420_000_000)]
    assert snapshot.series("budget_limit_nano_usd") == [(("cap", "day"), 1_000_000_000)]
    # Each has spent 0.21 of its dollar: that there are two brings neither nearer to its limit.
    assert snapshot.series("budget_accounts") == [(("cap", "day"), 2)]
    assert snapshot.series("budget_spent_ppm") == snapshot.series("budget_used_ppm") == [(("cap", "day"), 210_000)]
    assert [account["account"] for account in snapshot.budgets()] == [
        f"user={user},key={fingerprint}" for user in users
    ]
    text = exposition(Collector(lambda: snapshot)).decode()
    assert "ana" not in text
    assert fingerprint is not None
    assert fingerprint not in text


def test_an_alert_is_told_once() -> None:
    meter = build(cap("0.4"))

    assert finished(opened(meter)).alerts == [("cap", "0.5")]
    assert finished(opened(meter), {"prompt_tokens": 1, "completion_tokens": 1}).alerts == []


def test_what_an_earlier_process_spent_is_restored() -> None:
    meter = build(cap("0.2"))
    spent = {"service": "shop", "cost_nano_usd": 199_999_999, "time_ns": NOW - SECOND, "usage": {"input_tokens": None}}
    meter.restore(spent, NOW)
    meter.restore({**spent, "decision": "refuse"}, NOW)
    meter.restore({"time_ns": NOW, "usage": {"input_tokens": 2**126, "output_tokens": 2**126}}, NOW)

    assert meter.snapshot(NOW).budgets()[0]["spent_nano_usd"] == 199_999_999
    assert isinstance(opened(meter).decision, Refuse)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda exchange: exchange.feed("text", NOW),
        lambda exchange: exchange.feed(None, NOW),
        lambda exchange: exchange.feed(b"", "now"),
        lambda exchange: exchange.feed(b"", 1.5),
        lambda exchange: exchange.respond("200", []),
        lambda exchange: exchange.respond(200, [("content-type", "text/plain")]),
        lambda exchange: exchange.respond(200, None),
        lambda exchange: exchange.close(None, NOW),
    ],
)
def test_wrong_types_are_type_errors_and_harm_nothing(wrong: Any) -> None:
    exchange = opened(build())

    with pytest.raises(TypeError):
        wrong(exchange)

    assert finished(exchange).cost_nano_usd == 210_000_000


def test_wrong_values_are_value_errors() -> None:
    exchange = opened(build())
    with pytest.raises(ValueError, match="close reason"):
        exchange.close("gone", NOW)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="16 bytes"):
        Meter(price_book=PriceBook.embedded(), seed=b"short")
    with pytest.raises(ValueError, match="cap"):
        build(cap(), cap())
    with pytest.raises(ValueError, match="dialect"):
        HostRule("h", "klingon", provider="p")
    with pytest.raises(ValueError, match="unpriced"):
        Policies(unpriced="maybe")
    with pytest.raises(TypeError):
        build(policies="refuse")
    with pytest.raises(TypeError):
        build("cap")  # type: ignore[arg-type]


def test_a_configured_host_is_metered_at_its_rates() -> None:
    rule = HostRule("llm.internal", "openai", port=8000, provider="vllm", rates={"input": "1", "output": "2"})
    meter = build(hosts=[rule])
    assert "llm.internal" in meter.hosts()
    assert (meter.knows_host("llm.internal", 8000), meter.knows_host("llm.internal", 80)) == (True, False)
    ours = Request(
        method="POST", host="llm.internal", port=8000, path="/v1/chat/completions", headers=JSON, body=b'{"model":"m"}'
    )

    entry = finished(opened(meter, ours))

    assert (entry.provider, entry.cost_nano_usd) == ("vllm", 1_200_000_000)


def test_a_host_that_is_not_metered_opens_nothing() -> None:
    other = Request(method="GET", host="example.org", port=443, path="/", headers=[], body=b"")

    assert build().open(other, Attribution(), NOW) is None


def test_threads_share_a_meter_and_an_exchange() -> None:
    meter = build(cap("1000"))
    shared = opened(meter, request(stream=True))
    shared.respond(200, SSE)
    long = "word " * 10_000

    def work(_: int) -> int:
        exchange = opened(meter, request(prediction=long, user=long))
        shared.feed(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n', NOW)
        meter.snapshot(NOW).budgets()
        assert isinstance(shared.decision, Admit)
        return finished(exchange).cost_nano_usd or 0

    with ThreadPoolExecutor(8) as pool:
        costs = list(pool.map(work, range(64), timeout=50))
        closed = list(pool.map(lambda _: shared.close("complete", NOW), range(8), timeout=50))

    assert sum(costs) == 64 * 210_000_000
    assert sum(entry is not None for entry in closed) == 1
    assert meter.snapshot(NOW).series("open_exchanges") == [((), 0)]
    assert meter.snapshot(NOW).budgets()[0]["held_nano_usd"] == 0
