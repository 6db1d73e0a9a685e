"""Who is decrypted, remembered, passed on and tried again."""

from types import SimpleNamespace
from typing import Any

import pytest
from mitmproxy import connection

from tokmeter.capture.proxy import limits
from tokmeter.capture.proxy.interception import Interception

HOST = "api.openai.com"
SECOND = 1_000_000_000


class _Meter:
    def __init__(self) -> None:
        self.unread: list[str] = []

    def knows_host(self, host: str, port: int | None = None) -> bool:
        return host in {HOST, "10.0.0.5"} and port == 443

    def unmetered(self, reason: str) -> None:
        self.unread.append(reason)


class _World:
    """An interception with a clock that stands until it is moved."""

    def __init__(self, *, fail_closed: bool = False) -> None:
        self.now = 0
        self.meter = _Meter()
        self.interception = Interception(self.meter, lambda: self.now, fail_closed=fail_closed)

    def greet(self, sni: str | None = HOST, *, address: str = "203.0.113.7", **shape: Any) -> tuple[bool, Any]:
        """Whether the connection is left alone, and the client for what follows."""
        client = connection.Client(peername=("127.0.0.1", 1), sockname=("127.0.0.1", 2), timestamp_start=0.0)
        hello = SimpleNamespace(
            sni=sni,
            cipher_suites=shape.get("ciphers", [1, 2]),
            extensions=[(kind, b"") for kind in shape.get("extensions", [0, 16])],
            alpn_protocols=[b"h2"],
        )
        context = SimpleNamespace(client=client, server=SimpleNamespace(address=(address, 443)))
        data: Any = SimpleNamespace(context=context, client_hello=hello, ignore_connection=False)
        self.interception.tls_clienthello(data)
        return data.ignore_connection, client

    def refuse(self, error: str, **shape: Any) -> None:
        _, client = self.greet(**shape)
        client.error = error
        data: Any = SimpleNamespace(conn=client)
        self.interception.tls_failed_client(data)


@pytest.mark.parametrize(
    ("sni", "address", "left_alone"),
    [
        (HOST, "203.0.113.7", False),
        (HOST.upper(), "203.0.113.7", False),
        ("github.com", "203.0.113.7", True),
        ("github.com", "10.0.0.5", True),
        (None, "203.0.113.7", True),
        (None, "10.0.0.5", False),
    ],
)
def test_only_metered_names_are_decrypted(sni: str | None, address: str, *, left_alone: bool) -> None:
    assert _World().greet(sni, address=address)[0] is left_alone


def test_one_alert_or_two_hang_ups_pass_a_client_on() -> None:
    world = _World()
    world.refuse("tlsv1 alert unknown ca")
    assert world.greet()[0]
    world = _World()
    world.refuse("connection closed")
    assert not world.greet()[0]
    world.refuse("connection closed")
    assert world.greet()[0]
    assert world.meter.unread == ["tls_refused", "tls_refused", "tls_passed"]


def test_a_client_is_tried_again_after_a_while() -> None:
    world = _World()
    world.refuse("sslv3 alert bad certificate")
    world.now = limits.REFUSAL_SECONDS * SECOND - 1
    assert world.greet()[0]
    world.now += 1
    assert not world.greet()[0]


def test_success_forgives_an_earlier_hang_up() -> None:
    world = _World()
    world.refuse("connection closed")
    data: Any = SimpleNamespace(conn=world.greet()[1])
    world.interception.tls_established_client(data)
    world.refuse("connection closed")
    assert not world.greet()[0]


def test_clients_are_told_apart_by_their_greeting_without_its_random_parts() -> None:
    world = _World()
    world.refuse("unknown ca", ciphers=[0x0A0A, 1], extensions=[0x1A1A, 0, 16])
    assert world.greet(ciphers=[0x2A2A, 1], extensions=[16, 0, 0x3A3A, 41])[0]
    assert not world.greet(ciphers=[1, 2])[0]
    assert not world.greet(ciphers=[1], extensions=[0, 16, 43])[0]


def test_closed_settings_pass_nobody_on() -> None:
    world = _World(fail_closed=True)
    world.refuse("unknown ca")
    assert not world.greet()[0]
    assert world.meter.unread == ["tls_refused"]


def test_what_is_remembered_is_bounded() -> None:
    world = _World()
    for number in range(limits.REFUSALS_REMEMBERED + 10):
        world.refuse("unknown ca", ciphers=[number & 0xFF, 1, number >> 8])
    assert len(world.interception._refusals) == limits.REFUSALS_REMEMBERED
    _, client = world.greet()
    world.interception.client_disconnected(client)
    assert world.interception._greetings == {}
