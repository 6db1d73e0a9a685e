"""Base URLs on the wire: the path names the provider, everything else is as it was, and nothing leads anywhere else."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.proxied import Proxied, call, client, post, proxied, run, whole
from tests.integration.scripted_meter import ScriptedMeter, ScriptedRefuse, install
from tests.integration.upstream import Received, Upstream, switching, upstream
from tokmeter.errors import ConfigError

OPENAI, ANTHROPIC = "api.openai.com", "api.anthropic.com"


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@contextlib.asynccontextmanager
async def world(
    directory: Path, meter: ScriptedMeter, **settings: Any
) -> AsyncIterator[tuple[Upstream, Upstream, Proxied]]:
    """OpenAI and Anthropic behind TLS on ports of their own, and a proxy that serves base URLs."""
    provider = ProviderCertificate(directory, OPENAI, ANTHROPIC)
    routes = settings.pop("routes", None)
    settings.setdefault("upstream_ca", provider.root)
    async with (
        upstream(provider.server(), routes) as openai,
        upstream(provider.server(), routes) as anthropic,
        proxied(
            meter,
            directory / "ca",
            mode="base-url",
            connect_to={OPENAI: f"{openai.host}:{openai.port}", ANTHROPIC: f"{anthropic.host}:{anthropic.port}"},
            **settings,
        ) as proxy,
    ):
        yield openai, anthropic, proxy


def known(**more: Any) -> ScriptedMeter:
    return ScriptedMeter((OPENAI, ANTHROPIC, "127.0.0.1"), **more)


def test_two_providers_over_one_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = known()
        async with world(tmp_path, meter) as (openai, anthropic, proxy), client(proxy) as (reader, writer):
            bodies = []
            for path in ("/openai/echo?a=1&b=%2F", "/anthropic/echo", "/openai/echo", "/anthropic/json"):
                writer.write(post(path, path.encode(), "X-Kept: as it is"))
                bodies.append((await whole(reader)).body)
        assert bodies == [b"/openai/echo?a=1&b=%2F", b"/anthropic/echo", b"/openai/echo", b'{"ok":true}']
        assert [r.line for r in openai.requests] == ["POST /echo?a=1&b=%2F HTTP/1.1", "POST /echo HTTP/1.1"]
        assert [r.line for r in anthropic.requests] == ["POST /echo HTTP/1.1", "POST /json HTTP/1.1"]
        assert {r.headers["host"] for r in openai.requests} == {OPENAI}
        assert {r.headers["x-kept"] for r in openai.requests} == {"as it is"}
        # Each has the connection that it had.
        assert (openai.connections, anthropic.connections) == (1, 1)
        assert [(e.request.host, e.request.port, e.request.path) for e in meter.exchanges] == [
            (OPENAI, 443, "/echo?a=1&b=%2F"),
            (ANTHROPIC, 443, "/echo"),
            (OPENAI, 443, "/echo"),
            (ANTHROPIC, 443, "/json"),
        ]
        assert not (tmp_path / "ca").exists()

    run(scenario())


def test_requests_of_one_connection_that_wait_for_each_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, known()) as (_, _, proxy), client(proxy) as (reader, writer):
            writer.write(post("/openai/echo", b"first") + post("/anthropic/echo", b"second") + post("/nobody"))
            replies = [await whole(reader) for _ in range(3)]
        assert [reply.body for reply in replies[:2]] == [b"first", b"second"]
        assert replies[2].status == 404

    run(scenario())


def test_a_stream_comes_as_it_is_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = known()
        async with world(tmp_path, meter) as (openai, _, proxy), client(proxy) as (reader, writer):
            writer.write(post("/openai/sse"))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            # Before the rest is sent at all.
            assert b'data: {"i":2}' in await reader.readuntil(b'"i":2}\n\n')
            openai.release.set()
            assert (await reader.readuntil(b"\r\n0\r\n\r\n")).count(b"data:") == 497
            entry = await proxy.entry()
        assert (entry.reason, entry.exchange.body.count(b"data:")) == ("complete", 500)

    run(scenario())


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/v1/chat/completions",
        "/openai2/json",
        "/OpenAI/json",
        "//openai/json",
        "/%6fpenai/json",
        "/openai%2fjson",
        "/openai%2f..%2fanthropic/json",
        "/openai\\..\\anthropic",
        "/openai;a/json",
        "/../openai/json",
        "/azure/openai/json",
        "/bedrock/model/x/converse",
        "*",
        "http://api.anthropic.com/openai/json",
        "http://127.0.0.1/openai/json",
    ],
)
def test_what_names_no_provider_is_told_so_and_reaches_nobody(tmp_path: Path, target: str) -> None:
    async def scenario() -> None:
        meter = known()
        async with world(tmp_path, meter) as (openai, anthropic, proxy), client(proxy) as (reader, writer):
            writer.write(post(target, b"x" * 100_000))
            reply = await whole(reader)
            # The connection is none the worse for it.
            writer.write(post("/openai/json"))
            assert (await whole(reader)).status == 200
        assert reply.status == 404
        error = json.loads(reply.body)["error"]
        assert error["code"] == "unknown_provider"
        assert "openai" in error["message"]
        assert meter.unread == ["unknown_provider"]
        assert len(meter.exchanges) == len(openai.requests) == 1
        assert anthropic.connections == 0

    run(scenario())


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        ("/openai/../anthropic/json", "/../anthropic/json"),
        ("/openai/%2e%2e/anthropic/json", "/%2e%2e/anthropic/json"),
        ("/openai//anthropic.test/json", "//anthropic.test/json"),
        ("/openai/http://api.anthropic.com/json", "/http://api.anthropic.com/json"),
        ("/openai", "/"),
        ("/openai?key=/anthropic/", "/?key=/anthropic/"),
    ],
)
def test_the_rest_of_a_path_is_the_named_providers_affair(tmp_path: Path, target: str, asked: str) -> None:
    async def scenario() -> None:
        async def found(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        routes = {asked.partition("?")[0]: found}
        async with world(tmp_path, known(), routes=routes) as (openai, anthropic, proxy):
            reply = await call(proxy, post(target))
        assert reply.status == 200
        assert [request.line for request in openai.requests] == [f"POST {asked} HTTP/1.1"]
        assert anthropic.connections == 0

    run(scenario())


def test_it_is_no_proxy(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = known()
        async with world(tmp_path, meter) as (openai, _, proxy):
            tunnel = await call(proxy, f"CONNECT {OPENAI}:443 HTTP/1.1\r\nHost: {OPENAI}:443\r\n\r\n".encode())
            with pytest.raises((ssl.SSLError, OSError)):
                async with client(proxy, ssl.create_default_context(), OPENAI):
                    pass
        assert tunnel.status == 400
        assert (openai.connections, meter.exchanges, meter.unread) == (0, [], ["tls_refused"])

    run(scenario())


def test_a_question_about_a_head_gets_no_body(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with world(tmp_path, known()) as (_, _, proxy), client(proxy) as (reader, writer):
            writer.write(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n" + post("/openai/json"))
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 404 ")
            assert (await whole(reader)).status == 200

    run(scenario())


def test_a_refusal_asks_nobody(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = known(on_open=lambda request: ScriptedRefuse() if request.host == ANTHROPIC else None)
        async with world(tmp_path, meter) as (openai, anthropic, proxy), client(proxy) as (reader, writer):
            statuses = []
            for path in ("/anthropic/json", "/openai/json"):
                writer.write(post(path))
                statuses.append((await whole(reader)).status)
        assert statuses == [429, 200]
        assert (openai.connections, anthropic.connections) == (1, 0)

    run(scenario())


@pytest.mark.parametrize(("closed", "status"), [(True, 503), (False, 200)])
def test_what_cannot_be_admitted_is_refused_where_the_settings_say_closed(
    tmp_path: Path, closed: bool, status: int
) -> None:
    def broken(_request: object) -> object:
        raise RuntimeError("the meter is broken")

    async def scenario() -> None:
        meter = known(on_open=broken)
        async with world(tmp_path, meter, fail_closed=closed) as (openai, _, proxy):
            reply = await call(proxy, post("/openai/json"))
        assert (reply.status, len(openai.requests), meter.unread) == (status, int(not closed), ["admission_failed"])

    run(scenario())


def test_a_body_beyond_the_bound_streams_to_the_provider_that_was_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter, body = known(), bytes(300_000)
        async with world(tmp_path, meter, body_bytes_max=1000) as (openai, _, proxy):
            assert (await call(proxy, post("/openai/echo", body))).body == body
            unnamed = await call(proxy, post("/nobody", body))
        assert unnamed.status == 404
        assert [(request.line, len(request.body)) for request in openai.requests] == [("POST /echo HTTP/1.1", 300_000)]
        assert meter.exchanges[0].request.body is None

    run(scenario())


def test_a_session_passes(tmp_path: Path) -> None:
    async def serve(_up: Upstream, request: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(switching(request) + b"\x81\x02hi")
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        meter = known(reads_sessions=True)
        upgrade = (
            b"GET /openai/v1/realtime?model=m HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        async with world(tmp_path, meter, routes={"/v1/realtime": serve}) as (openai, _, proxy):
            async with client(proxy) as (reader, writer):
                writer.write(upgrade)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
                assert await reader.readexactly(4) == b"\x81\x02hi"
            await proxy.entry()
        assert openai.requests[0].headers["host"] == OPENAI
        assert meter.exchanges[0].body.endswith(b"\x81\x02hi")

    run(scenario())


def test_a_provider_that_cannot_prove_its_name_is_not_asked(tmp_path: Path) -> None:
    async def scenario() -> None:
        (tmp_path / "other").mkdir()
        elsewhere = ProviderCertificate(tmp_path / "other", OPENAI)
        async with world(tmp_path, known(), upstream_ca=elsewhere.root) as (openai, _, proxy):
            reply = await call(proxy, post("/openai/json"))
        assert reply.status == 502
        assert openai.requests == []

    run(scenario())


def test_a_provider_of_ones_own_in_the_clear_and_the_proxy_itself(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with upstream() as own:
            origin = f"http://{own.host}:{own.port}"
            async with proxied(known(), tmp_path, mode="base-url", upstreams={"vllm": origin}) as proxy:
                assert (await call(proxy, post("/vllm/echo", b"mine"))).body == b"mine"
            assert own.requests[0].headers["host"] == f"{own.host}:{own.port}"
            listen = (("127.0.0.1", own.port),)
        # The port is free again: a name that leads back to the proxy is refused, not followed.
        async with proxied(
            known(), tmp_path, mode="base-url", listen=listen, upstreams={"loop": f"http://127.0.0.1:{own.port}"}
        ) as proxy:
            assert (await call(proxy, post("/loop/loop/loop/json"))).status == 502

    run(scenario())


def test_an_origin_that_is_none_is_refused_before_anything_starts(tmp_path: Path) -> None:
    async def scenario() -> None:
        for origin in ("llm.internal", "ftp://llm.internal", "https://", "http://h:99999", "http://h/path"):
            with pytest.raises(ConfigError, match="not the origin"):
                async with proxied(known(), tmp_path, mode="base-url", upstreams={"own": origin}):
                    pass

    run(scenario())
