"""What is decrypted and what is not: metered hosts by name, and nothing else."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.proxied import Proxied, client, post, proxied, run, whole
from tests.integration.scripted_meter import ScriptedMeter, install
from tests.integration.upstream import Upstream, upstream
from tokmeter.errors import TokmeterError

METERED = "api.metered.test"
OTHER = "other.test"


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@contextlib.asynccontextmanager
async def world(
    directory: Path, meter: ScriptedMeter, names: tuple[str, ...] = (METERED, OTHER), **settings: Any
) -> AsyncIterator[tuple[Upstream, Proxied, ProviderCertificate]]:
    """A provider behind TLS that answers for `names`, and a proxy that finds it by them."""
    provider = ProviderCertificate(directory, *names)
    async with upstream(provider.server()) as up:
        settings.setdefault("upstream_ca", provider.root)
        routes = dict.fromkeys((METERED, OTHER), f"{up.host}:{up.port}")
        async with proxied(meter, directory / "ca", connect_to=routes, **settings) as proxy:
            yield up, proxy, provider


def trusting(*pem: bytes | Path) -> ssl.SSLContext:
    """A client's view of the world that trusts these roots."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for root in pem:
        context.load_verify_locations(cadata=(root.read_bytes() if isinstance(root, Path) else root).decode())
    return context


@contextlib.asynccontextmanager
async def tunnel(
    proxy: Proxied, name: str, context: ssl.SSLContext, *, sni: str | None = "same"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """TLS to `name` through CONNECT."""
    async with client(proxy) as (reader, writer):
        writer.write(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        await writer.start_tls(context, server_hostname=name if sni == "same" else sni)
        yield reader, writer


def peer(writer: asyncio.StreamWriter) -> bytes:
    """The certificate the client was shown."""
    shown: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    return shown


def test_a_metered_host_is_decrypted_with_a_leaf_the_constrained_authority_may_sign(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with world(tmp_path, meter) as (up, proxy, provider):
            async with tunnel(proxy, METERED, trusting(proxy.capture.authority.root_pem)) as (reader, writer):
                writer.write(post("/json"))
                assert (await whole(reader)).body == b'{"ok":true}'
                assert peer(writer) != provider.der
            entry = await proxy.entry()
        assert (entry.exchange.request.host, entry.exchange.request.port) == (METERED, 443)
        assert up.connections == 1

    run(scenario())


def test_another_host_keeps_its_certificate_end_to_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with (
            world(tmp_path, meter) as (_up, proxy, provider),
            tunnel(proxy, OTHER, trusting(provider.root)) as (reader, writer),
        ):
            assert peer(writer) == provider.der
            writer.write(post("/json"))
            assert (await whole(reader)).status == 200
        assert (meter.exchanges, proxy.entries, meter.unread) == ([], [], [])

    run(scenario())


def test_a_greeting_without_a_name_passes_through(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with world(tmp_path, meter) as (_up, proxy, provider):
            context = trusting(provider.root)
            context.check_hostname = False
            async with tunnel(proxy, OTHER, context, sni=None) as (reader, writer):
                assert peer(writer) == provider.der
                writer.write(post("/json"))
                assert (await whole(reader)).status == 200
        assert meter.exchanges == []

    run(scenario())


def test_the_provider_is_verified_by_the_name_the_client_asked_for(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with world(tmp_path, meter, names=("somebody-else.test",)) as (up, proxy, _provider):
            async with tunnel(proxy, METERED, trusting(proxy.capture.authority.root_pem)) as (reader, writer):
                writer.write(post("/json", b"secret"))
                assert (await whole(reader)).status == 502
            assert up.requests == []
            assert (await proxy.entry()).exchange.closes == ["upstream_gone"]

    run(scenario())


def test_the_provider_must_chain_to_the_configured_roots(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with world(tmp_path, meter, upstream_ca=None) as (up, proxy, _provider):
            async with tunnel(proxy, METERED, trusting(proxy.capture.authority.root_pem)) as (reader, writer):
                writer.write(post("/json"))
                assert (await whole(reader)).status == 502
            assert up.requests == []

    run(scenario())


def test_unreadable_roots_are_an_error_at_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        roots = tmp_path / "roots.pem"
        roots.write_text("not a certificate")
        with pytest.raises(TokmeterError) as raised:
            async with proxied(ScriptedMeter((METERED,)), tmp_path / "ca", upstream_ca=roots):
                pass
        assert raised.value.where == str(roots)

    run(scenario())


async def _fails(proxy: Proxied, context: ssl.SSLContext) -> None:
    with pytest.raises((ssl.SSLError, ConnectionError)):
        async with tunnel(proxy, METERED, context):
            pass


async def _refused(meter: ScriptedMeter, times: int) -> None:
    while meter.unread.count("tls_refused") < times:
        meter.counted.clear()
        await meter.counted.wait()


def _alerting_client(proxy: Proxied, context: ssl.SSLContext) -> None:
    """A blocking client: unlike asyncio's it says why it hangs up."""
    with socket.create_connection((proxy.host, proxy.port)) as raw:
        raw.sendall(f"CONNECT {METERED}:443 HTTP/1.1\r\n\r\n".encode())
        assert raw.recv(4096).startswith(b"HTTP/1.1 200 ")
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(raw, server_hostname=METERED)


@pytest.mark.parametrize("tries", [1, 2])
def test_a_client_that_does_not_trust_us_works_in_the_end_and_is_counted(tmp_path: Path, tries: int) -> None:
    """One alert is enough; a bare hang-up could be anything and must happen twice."""

    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with world(tmp_path, meter) as (_up, proxy, provider):
            context = trusting(provider.root)
            for number in range(tries):
                if tries == 1:
                    await asyncio.to_thread(_alerting_client, proxy, context)
                else:
                    await _fails(proxy, context)
                await _refused(meter, number + 1)
            async with tunnel(proxy, METERED, context) as (reader, writer):
                assert peer(writer) == provider.der
                writer.write(post("/json"))
                assert (await whole(reader)).status == 200
        assert meter.unread == ["tls_refused"] * tries + ["tls_passed"]
        assert meter.exchanges == []

    run(scenario())


def test_a_client_that_does_not_trust_us_never_passes_when_the_settings_say_closed(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with world(tmp_path, meter, fail_closed=True) as (up, proxy, provider):
            context = trusting(provider.root)
            for number in range(3):
                await _fails(proxy, context)
                await _refused(meter, number + 1)
            assert up.connections == 0

    run(scenario())


def test_one_client_that_refuses_does_not_unmeter_another_kind_of_client(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with world(tmp_path, meter) as (_up, proxy, provider):
            refusing = trusting(provider.root)
            refusing.set_alpn_protocols(["http/1.1"])
            for number in range(2):
                await _fails(proxy, refusing)
                await _refused(meter, number + 1)
            async with tunnel(proxy, METERED, trusting(proxy.capture.authority.root_pem)) as (reader, writer):
                writer.write(post("/json"))
                assert (await whole(reader)).status == 200
            await proxy.entry()

    run(scenario())


def test_a_metered_address_without_a_name_is_decrypted(tmp_path: Path) -> None:
    """Self-hosted providers are configured by address, and clients send no name for an address."""

    async def scenario() -> None:
        meter = ScriptedMeter(("127.0.0.9",))
        async with (
            upstream() as up,
            proxied(meter, tmp_path, connect_to={"127.0.0.9": f"{up.host}:{up.port}"}) as proxy,
        ):
            context = trusting(proxy.capture.authority.root_pem)
            async with tunnel(proxy, "127.0.0.9", context) as (_reader, writer):
                assert writer.get_extra_info("ssl_object").version() is not None

    run(scenario())


def test_plain_http_in_a_tunnel_is_metered(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        async with upstream() as up:
            routes = {METERED: f"{up.host}:{up.port}"}
            async with proxied(meter, tmp_path, connect_to=routes) as proxy, client(proxy) as (reader, writer):
                writer.write(f"CONNECT {METERED}:80 HTTP/1.1\r\n\r\n".encode())
                await reader.readuntil(b"\r\n\r\n")
                writer.write(post("/json"))
                assert (await whole(reader)).status == 200
                assert (await proxy.entry()).exchange.request.host == METERED

    run(scenario())


def test_the_original_destination_is_used_in_transparent_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The leaf must not name the original address: the authority's constraints forbid it."""

    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED, OTHER)
        async with upstream(provider.server()) as up:
            monkeypatch.setattr("tokmeter.capture.proxy.capture.original_addr", lambda _socket: (up.host, up.port))
            settings: dict[str, Any] = {"mode": "transparent", "upstream_ca": provider.root}
            async with proxied(meter, tmp_path / "ca", **settings) as proxy:
                ours = trusting(proxy.capture.authority.root_pem)
                async with client(proxy, ours, METERED) as (reader, writer):
                    writer.write(post("/json"))
                    assert (await whole(reader)).status == 200
                    request = (await proxy.entry()).exchange.request
                    assert (request.host, request.port) == (METERED, up.port)
                async with client(proxy, trusting(provider.root), OTHER) as (reader, writer):
                    writer.write(post("/json"))
                    assert (await whole(reader)).status == 200
                    assert peer(writer) == provider.der
        assert len(proxy.entries) == 1

    run(scenario())
