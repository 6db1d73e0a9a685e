"""Streams that are asked for their usage in the client's place: on real sockets, byte for byte, over both versions of HTTP."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.client_h2 import client_h2
from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.proxied import Reply, call, client, post, proxied, reverse, run, whole
from tests.integration.upstream import Received, Upstream, chunked, upstream
from tests.integration.upstream_h2 import upstream_h2
from tokmeter._core import Attribution, Budget, HostRule, Meter, Policies, PriceBook, Request

WHO = Attribution(service="checkout")
PATH = "/v1/chat/completions"
METERED = "api.metered.test"
ASKED = b'{"stream_options":{"include_usage":true},'
REQUEST = b'{"model":"llama","stream":true,"messages":[{"role":"user","content":"hello"}]}'
USAGE = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
DONE = b"data: [DONE]\n\n"
PIECES = (1, 7, 100, 100_000)
SSE = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"


def _chunk(text: str | None, *, asked: bool) -> bytes:
    """One event: of text, or of usage."""
    choices = [] if text is None else [{"index": 0, "delta": {"content": text}}]
    value: dict[str, Any] = {"object": "chat.completion.chunk", "model": "llama", "choices": choices}
    if asked:
        value["usage"] = USAGE if text is None else None
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def _stream(body: bytes, texts: tuple[str, ...] = ("one", " two", ' "usage": null')) -> bytes:
    """What a provider that keeps to the protocol answers to `body`."""
    asked = (json.loads(body).get("stream_options") or {}).get("include_usage") is True
    usage = _chunk(None, asked=True) if asked else b""
    return b"".join(_chunk(text, asked=asked) for text in texts) + usage + DONE


PLAIN = _stream(REQUEST)
"""What the client must see."""


def _in_pieces(size: int) -> Callable[[Upstream, Received, asyncio.StreamWriter], Any]:
    async def answer(_up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
        body = _stream(request.body)
        parts = (body[at : at + size] for at in range(0, len(body), size))
        writer.write(SSE + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(*parts) + b"0\r\n\r\n")

    return answer


async def _sized(_up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
    body = _stream(request.body)
    writer.write(SSE + b"Content-Length: %d\r\n\r\n" % len(body) + body)


async def _broken_off(_up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
    writer.write(SSE + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(_stream(request.body)[:-5]))
    await writer.drain()
    writer.close()


async def _unended(_up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
    body = _stream(request.body)[:-5]
    writer.write(SSE + b"Transfer-Encoding: chunked\r\n\r\n" + chunked(body) + b"0\r\n\r\n")


async def _talk(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    """A stream that goes on until nobody reads it, in pieces that end inside events."""
    writer.write(SSE + b"Transfer-Encoding: chunked\r\n\r\n")
    body = _chunk("one two three four five six seven eight ", asked=True)
    while True:
        writer.write(chunked(body[:-9]) + chunked(body[-9:]))
        await writer.drain()
        await asyncio.sleep(0)


def _meter(*hosts: tuple[str, int], budgets: tuple[Budget, ...] = (), **policies: Any) -> Meter:
    rates = {"input": "1000", "output": "1000"}
    return Meter(
        price_book=PriceBook.embedded(),
        budgets=budgets,
        policies=Policies(**({"include_usage": "inject"} | policies)),
        hosts=[HostRule(host, "openai", port=port, provider="vllm", rates=rates) for host, port in hosts],
        seed=bytes(16),
    )


def _ask(*headers: str, body: bytes = REQUEST) -> bytes:
    return post(PATH, body, "Content-Type: application/json", "Accept-Encoding: gzip, br", *headers)


def _body(reply: Reply) -> bytes:
    """The body of a reply sent in chunks, of which only the last is empty."""
    rest, body = reply.body, b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        assert length or rest == b"\r\n"
        body, rest = body + rest[:length], rest[length + 2 :]
    return body


@pytest.mark.parametrize("size", PIECES)
def test_the_client_sees_the_stream_it_asked_for_and_the_ledger_its_usage(tmp_path: Path, size: int) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _in_pieces(size)}) as up:
            meter = _meter((up.host, up.port))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy, client(proxy) as (reader, writer):
                for _ in range(2):
                    writer.write(_ask())
                    reply = await whole(reader)
                    assert (reply.ended, _body(reply)) == ("complete", PLAIN)
                entry = await proxy.entry(2)
        assert (entry.decision, entry.provenance, entry.outcome) == ("rewrite", "reported", "ok")
        assert (entry.usage["input_tokens"], entry.usage["output_tokens"]) == (9, 3)
        assert [request.body for request in up.requests] == [ASKED + REQUEST[1:]] * 2
        assert {request.headers["accept-encoding"] for request in up.requests} == {"identity"}
        counted = dict(meter.snapshot(0).series("decisions"))
        assert counted == {("rewrite", "enforce", "include_usage"): 2}

    run(scenario())


def test_without_the_policy_nothing_is_touched(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _in_pieces(7)}) as up:
            meter = _meter((up.host, up.port), include_usage="leave")
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                assert _body(await call(proxy, _ask())) == PLAIN
                entry = await proxy.entry()
        assert (entry.decision, entry.provenance) == ("admit", "estimated")
        assert (up.requests[0].body, up.requests[0].headers["accept-encoding"]) == (REQUEST, "gzip, br")

    run(scenario())


def test_a_declared_length_gives_way_to_chunks(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _sized}) as up:
            meter = _meter((up.host, up.port))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy, client(proxy) as (reader, writer):
                for _ in range(2):
                    writer.write(_ask())
                    reply = await whole(reader)
                    assert (reply.ended, _body(reply)) == ("complete", PLAIN)
                    assert b"content-length" not in reply.raw.lower()
            assert up.connections == 1

    run(scenario())


def test_an_old_client_gets_an_edited_reply_up_to_the_end_of_its_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _sized}) as up:
            meter = _meter((up.host, up.port))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                reply = await call(proxy, _ask().replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        assert (reply.ended, reply.body) == ("eof", PLAIN)

    run(scenario())


def test_a_reply_that_ends_inside_an_event_is_passed_on_to_its_last_byte(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _unended}) as up:
            meter = _meter((up.host, up.port))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                reply = await call(proxy, _ask())
        assert (reply.ended, _body(reply)) == ("complete", PLAIN[:-5])

    run(scenario())


def test_a_reply_that_breaks_off_is_passed_on_to_its_last_byte(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _broken_off}) as up:
            meter = _meter((up.host, up.port))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                reply = await call(proxy, _ask())
                entry = await proxy.entry()
        assert (reply.ended, _body(reply)) == ("eof", PLAIN[:-5])
        assert (entry.outcome, entry.provenance) == ("upstream_gone", "reported")

    run(scenario())


def test_a_stream_over_budget_ends_behind_a_whole_event(tmp_path: Path) -> None:
    budget = Budget("total", scope=[], period="total", usd="10")

    async def scenario() -> None:
        async with upstream(routes={PATH: _talk}) as up:
            meter = _meter((up.host, up.port), budgets=(budget,))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                reply = await call(proxy, _ask())
                entry = await proxy.entry()
                await up.broken.wait()
        *events, error, rest = _body(reply).split(b"\n\n")
        event = _chunk("one two three four five six seven eight ", asked=False).removesuffix(b"\n\n")
        assert (reply.ended, set(events), rest) == ("complete", {event}, b"")
        assert b'"error"' in error
        assert (entry.outcome, entry.decision, entry.budget) == ("cut", "cut", "total")

    run(scenario())


@pytest.mark.parametrize("spoken", ["http/1.1", "h2"])
def test_over_http2_the_bytes_are_the_same(tmp_path: Path, spoken: str) -> None:
    async def scenario() -> None:
        provider = ProviderCertificate(tmp_path, METERED)
        serving = (
            upstream_h2(provider.server("h2"), lambda body: (_stream(body), 7))
            if spoken == "h2"
            else upstream(provider.server(), {PATH: _sized})
        )
        async with serving as up:
            meter = _meter((METERED, 443))
            through: dict[str, Any] = {"connect_to": {METERED: f"127.0.0.1:{up.port}"}, "upstream_ca": provider.root}
            async with (
                proxied(meter, tmp_path / "ca", who=WHO, **through) as proxy,
                client_h2(proxy, METERED) as http,
            ):
                for number, sized in enumerate((True, False), 1):
                    reply = await http.post(PATH, REQUEST, sized=sized).whole()
                    assert (reply.ended, reply.body) == ("complete", PLAIN)
                    entry = await proxy.entry(number)
                    assert (entry.decision, entry.provenance) == ("rewrite", "reported")
            assert [request.body for request in up.requests] == [ASKED + REQUEST[1:]] * 2
            assert {request.headers["accept-encoding"] for request in up.requests} == {"identity"}

    run(scenario())


def test_a_signed_request_is_sent_as_it_was_signed(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream(routes={PATH: _in_pieces(7)}) as up:
            meter = _meter((up.host, up.port))
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                reply = await call(proxy, _ask("Authorization: AWS4-HMAC-SHA256 Credential=x", "X-Amz-Date: 1"))
                entry = await proxy.entry()
        assert (_body(reply), entry.decision) == (PLAIN, "admit")
        assert (up.requests[0].body, up.requests[0].headers["accept-encoding"]) == (REQUEST, "gzip, br")

    run(scenario())


def test_a_host_that_nobody_named_is_not_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with (
            upstream(routes={PATH: _in_pieces(7)}) as up,
            proxied(_meter(), tmp_path, who=WHO, mode=reverse(up)) as proxy,
        ):
            assert _body(await call(proxy, _ask())) == PLAIN
            entry = await proxy.entry()
        assert (up.requests[0].body, up.requests[0].headers["accept-encoding"]) == (REQUEST, "gzip, br")
        assert (entry.provider, entry.decision) == ("openai-compatible", "admit")

    run(scenario())


class _Failing:
    """A meter whose exchanges fail at their piece `at`, and that does everything else as it should."""

    def __init__(self, meter: Meter, at: int) -> None:
        self._meter = meter
        self._at = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._meter, name)

    def open(self, request: Request, who: Attribution, now: int) -> Any:
        return _FailingExchange(self._meter.open(request, who, now), self._at)


class _FailingExchange:
    def __init__(self, exchange: Any, at: int) -> None:
        self._exchange = exchange
        self._left = at

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    def feed(self, chunk: bytes, now: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise ArithmeticError
        return self._exchange.feed(chunk, now)


@pytest.mark.parametrize("at", [0, 3, 40])
def test_when_metering_fails_the_rest_passes_unedited_and_nothing_is_lost(tmp_path: Path, at: int) -> None:
    size = 7

    async def scenario() -> None:
        async with upstream(routes={PATH: _in_pieces(size)}) as up:
            meter: Any = _Failing(_meter((up.host, up.port)), at)
            async with proxied(meter, tmp_path, who=WHO, mode=reverse(up)) as proxy:
                reply = await call(proxy, _ask())
                await proxy.entry()
            sent = _stream(up.requests[0].body)
        # What was whole before the failure is edited; the event that was held back and all that follows are not.
        whole_events = sent.rfind(b"\n\n", 0, at * size) + 2 if b"\n\n" in sent[: at * size] else 0
        edited = sent[:whole_events].replace(b', "usage": null}\n\n', b"}\n\n")
        assert (reply.ended, _body(reply)) == ("complete", edited + sent[whole_events:])

    run(scenario())
