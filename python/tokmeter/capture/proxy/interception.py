"""Which TLS connections are decrypted: those to metered hosts, from clients that trust us. Everything else is a raw pipe.

A client that does not trust the authority fails its handshake. It is remembered for a while and passed on unread, so
that it works, unmetered and counted. Clients are told apart by address and by the shape of their greeting: on a laptop
or in a pod everyone has the same address.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

from mitmproxy import connection, tls

from tokmeter.capture.proxy import limits

type Client = tuple[str, str, int]

_NANOSECONDS = 1_000_000_000
_CERTIFICATE_ALERTS = ("unknown ca", "bad certificate", "certificate unknown")
_PASSING = frozenset({21, 35, 41, 42})
"""Extensions of resumed or padded greetings: padding, session ticket, pre-shared key, early data."""


class KnownHosts(Protocol):
    """The part of the meter that is needed here."""

    def knows_host(self, host: str, port: int | None = None) -> bool:
        """Whether traffic to this host is metered."""

    def unmetered(self, reason: str) -> None:
        """Counts traffic to a metered host that could not be read."""


class Interception:
    """Handlers of mitmproxy's TLS hooks."""

    def __init__(self, meter: KnownHosts, clock: Callable[[], int], *, fail_closed: bool) -> None:
        """With `fail_closed`, clients that refuse are never passed on."""
        self._meter = meter
        self._clock = clock
        self._fail_closed = fail_closed
        self._refusals: OrderedDict[Client, tuple[int, int]] = OrderedDict()
        self._greetings: dict[str, Client] = {}

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Decides from the name asked for, or from a metered address where no name was sent."""
        data.ignore_connection = True
        address = data.context.server.address
        name = data.client_hello.sni or (address[0] if address else None)
        if name is None or not self._meter.knows_host(name.lower(), address[1] if address else None):
            return
        client = _client(name, data)
        if self._passed_on(client):
            self._meter.unmetered("tls_passed")
            return
        data.ignore_connection = False
        self._greetings[data.context.client.id] = client

    def tls_established_client(self, data: tls.TlsData) -> None:
        """The client trusts us."""
        client = self._greetings.pop(data.conn.id, None)
        if client is not None:
            self._refusals.pop(client, None)

    def tls_failed_client(self, data: tls.TlsData) -> None:
        """The client hung up on our certificate, or for another reason that looks the same."""
        client = self._greetings.pop(data.conn.id, None)
        if client is None:
            return
        self._meter.unmetered("tls_refused")
        error = (data.conn.error or "").lower()
        weight = limits.REFUSAL_WEIGHT if any(alert in error for alert in _CERTIFICATE_ALERTS) else 1
        before, _ = self._refusals.pop(client, (0, 0))
        self._refusals[client] = (before + weight, self._clock() + limits.REFUSAL_SECONDS * _NANOSECONDS)
        while len(self._refusals) > limits.REFUSALS_REMEMBERED:
            self._refusals.popitem(last=False)

    def client_disconnected(self, client: connection.Client) -> None:
        """Forgets a connection that never finished its handshake."""
        self._greetings.pop(client.id, None)

    def _passed_on(self, client: Client) -> bool:
        if self._fail_closed or client not in self._refusals:
            return False
        weight, until = self._refusals[client]
        if until <= self._clock():
            del self._refusals[client]
            return False
        return weight >= limits.REFUSAL_WEIGHT


def _client(name: str, data: tls.ClientHelloData) -> Client:
    """Name asked for, address of the client, shape of its greeting without what differs from one connection to the next."""
    hello = data.client_hello
    extensions = sorted(kind for kind, _ in hello.extensions if kind not in _PASSING and not _random(kind))
    ciphers = [cipher for cipher in hello.cipher_suites if not _random(cipher)]
    shape = (tuple(ciphers), tuple(extensions), tuple(hello.alpn_protocols))
    return name, data.context.client.peername[0], hash(shape)


def _random(value: int) -> bool:
    """Whether a value is one of those reserved for random use (GREASE)."""
    return value & 0x0F0F == 0x0A0A and value >> 8 == value & 0xFF
