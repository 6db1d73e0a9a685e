"""The proxy with the real meter: what the scripted one stands in for."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.integration.proxied import call, post, proxied, reverse, run
from tests.integration.upstream import Received, Upstream, chunked, upstream
from tokmeter._core import Attribution, Budget, HostRule, Meter, PriceBook

PATH = "/v1/chat/completions"
WHO = Attribution(service="checkout")
JSON = "Content-Type: application/json"


def _meter(port: int, *budgets: Budget) -> Meter:
    rates = {"input": "1000", "output": "1000"}
    rule = HostRule("127.0.0.1", "openai", port=port, provider="vllm", rates=rates)
    return Meter(price_book=PriceBook.embedded(), budgets=budgets, hosts=[rule], seed=bytes(16))


def _budget(usd: str) -> Budget:
    return Budget("checkout-total", scope=[("service", "checkout")], period="total", usd=usd)


def _ask(**fields: Any) -> bytes:
    body = {"model": "llama", "messages": [{"role": "user", "content": "hello"}], **fields}
    return post(PATH, json.dumps(body).encode(), JSON)


async def _answer(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    choice = {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}
    body = json.dumps({"object": "chat.completion", "model": "llama", "choices": [choice], "usage": usage}).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


async def _talk(up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    """A stream that goes on until nobody reads it."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        delta = {"index": 0, "delta": {"content": "one two three four five six seven eight "}}
        piece = json.dumps({"object": "chat.completion.chunk", "model": "llama", "choices": [delta]})
        writer.write(chunked(f"data: {piece}\n\n".encode()))
        await writer.drain()
        up.sent += 1
        await asyncio.sleep(0)


def test_a_call_is_metered_priced_and_attributed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _answer}) as up:
            meter = _meter(up.port)
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                assert (await call(proxy, _ask())).status == 200
                entry = await proxy.entry()
        assert (entry.provider, entry.request_model, entry.service) == ("vllm", "llama", "checkout")
        assert (entry.usage["input_tokens"], entry.usage["output_tokens"]) == (9, 3)
        assert entry.cost_nano_usd == 12 * 1_000_000
        assert (entry.outcome, entry.status, entry.decision) == ("ok", 200, "admit")

    run(scenario())


def test_a_call_over_budget_is_refused_in_the_providers_words(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _answer}) as up:
            meter = _meter(up.port, _budget("0.000001"))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                reply = await call(proxy, _ask(max_tokens=1000))
                entry = await proxy.entry()
            assert up.connections == 0
        assert reply.status == 429
        assert b"x-should-retry: false" in reply.raw
        assert json.loads(reply.body)["error"]["code"] == "insufficient_quota"
        assert (entry.outcome, entry.budget, entry.cost_nano_usd) == ("refused", "checkout-total", 0)

    run(scenario())


def test_a_stream_over_budget_is_cut_and_the_provider_stops(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _talk}) as up:
            meter = _meter(up.port, _budget("10"))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                reply = await call(proxy, _ask(stream=True))
                entry = await proxy.entry()
                await up.broken.wait()
        assert reply.ended == "complete"
        assert b'"error"' in reply.body
        assert (entry.outcome, entry.decision, entry.budget) == ("cut", "cut", "checkout-total")

    run(scenario())


def test_a_large_unread_request_is_still_metered_by_its_reply(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _answer}) as up:
            meter = _meter(up.port)
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up), body_bytes_max=1000) as proxy:
                assert (await call(proxy, _ask(padding="x" * 100_000))).status == 200
                entry = await proxy.entry()
        assert (entry.usage["input_tokens"], entry.response_model) == (9, "llama")

    run(scenario())
