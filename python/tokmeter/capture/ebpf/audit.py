"""The coverage audit: TLS with LLMs of which no plaintext was seen, by whom, how much, and why.

The programs tell which descriptors have greeted an LLM, and count their bytes. A connection is covered when plaintext of an LLM
has gone through an attached function in a thread that uses it, or when the other end is a proxy of tokmeter. Of the others only
those are listed that have sent more than a greeting takes. What was greeted before the tracer came is not seen, nor is QUIC:
its greeting is encrypted, and the programs know no addresses.

For the tracer's thread; `rows` and `series` may be read by others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from time import monotonic
from typing import Final, Protocol

from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.addresses import HTTPS, Destination
from tokmeter.capture.ebpf.proxies import Proxies
from tokmeter.capture.ebpf.reasons import Reason, Reasons
from tokmeter.capture.ebpf.sockets import local_end

OTHER: Final = "other"
type Traffic = tuple[int, int, bool]
"""Bytes sent and received since the greeting, and whether plaintext was seen."""
type Series = dict[str, list[tuple[tuple[str, ...], int]]]


class Greetings(Protocol):
    """What of a loader is used."""

    def greetings(self) -> list[tuple[int, int, tuple[str, int] | None, int, int, bool]]:
        """See `Loader`."""

    def traffic(self, process: int, descriptor: int) -> Traffic | None:
        """See `Loader`."""


@dataclass(frozen=True, slots=True)
class Unmetered:
    """Connections of one process to one host that were not read."""

    pid: int
    process: str
    host: str
    reason: Reason
    connections: int
    sent: int
    received: int


@dataclass(slots=True)
class _Connection:
    pid: int
    descriptor: int
    process: str
    host: str
    port: int
    since: float
    reason: Future[Reason]
    local: Destination | None
    listed: bool = False
    missing: bool = False
    """The kernel did not know it any more when it was asked last: its end is about to be told, or was lost."""
    sent: int = 0
    received: int = 0
    """What of its bytes is in the sums."""


type _Key = tuple[int, str, str, Reason]


class CoverageAudit:
    """`take` again and again, `turn` now and then, `close` once."""

    def __init__(
        self,
        name: Callable[[int], str | None],
        *,
        ports: frozenset[int] = frozenset({HTTPS}),
        proxies: Proxies | None = None,
        reasons: Callable[[int], Reason] | None = None,
        local_end: Callable[[int, int], Destination | None] = local_end,
    ) -> None:
        """`name` tells what a process runs; LLMs are reached at `ports`."""
        self._name = name
        self._ports = ports
        self._proxies = proxies or Proxies()
        self._reasons = reasons or Reasons().of
        self._local_end = local_end
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._open: dict[tuple[int, int], _Connection] = {}
        self._ended: list[tuple[_Connection, int, int]] = []
        """Those whose reason is still being looked for, with their bytes."""
        self._known: dict[int, Future[Reason]] = {}
        self._sums: dict[_Key, list[int]] = {}
        self._connections: Counter[tuple[str, ...]] = Counter()
        self._bytes: Counter[tuple[str, ...]] = Counter()
        self.rows: tuple[Unmetered, ...] = ()
        """Most bytes first. Replaced as a whole."""

    def take(self, loader: Greetings, fault: Callable[[int], bool]) -> None:
        """What began and ended since the last call. `fault` tells whether attaching to a file of a process failed."""
        for pid, descriptor, server, sent, received, covered in loader.greetings():
            before = self._open.pop((pid, descriptor), None)
            if server is None:
                if before is not None:
                    self._end(before, (sent, received, covered))
            elif len(self._open) < limits.GREETED_MAX and not self._proxies.includes(pid):
                connection = self._begun(pid, descriptor, *server, failed=fault(pid))
                # While the other end is there; where it is not, it ends in a moment.
                if connection.local is None or not self._is_proxied(connection):
                    self._open[pid, descriptor] = connection

    def changed(self, pid: int) -> None:
        """A process runs another program now."""
        self._known.pop(pid, None)

    def gone(self, pid: int, loader: Greetings) -> None:
        """A process has ended, and its connections with it."""
        self._known.pop(pid, None)
        for key in [key for key in self._open if key[0] == pid]:
            connection = self._open.pop(key)
            if (traffic := loader.traffic(*key)) is not None:
                self._end(connection, traffic)

    def turn(self, loader: Greetings) -> None:
        """Lists what has turned out not to be covered."""
        now = monotonic()
        for key, connection in list(self._open.items()):
            traffic = loader.traffic(*key)
            if traffic is None:
                if connection.missing:
                    del self._open[key]
                connection.missing = True
            elif traffic[2] or self._is_proxied(connection):
                # Covered for as long as it lasts; what ends it will find nothing.
                del self._open[key]
            elif connection.reason.done() and _counts(traffic) and now - connection.since >= limits.SETTLED_S:
                self._list(connection, *traffic[:2])
        waiting, self._ended = self._ended, []
        for connection, sent, received in waiting:
            self._settle(connection, sent, received)
        self._tell()

    def close(self, loader: Greetings) -> None:
        """Lists what is still open."""
        for pid in {pid for pid, _ in self._open}:
            self.gone(pid, loader)
        wait([connection.reason for connection, *_ in self._ended], limits.REASONS_WAIT_S)
        self._pool.shutdown(wait=False, cancel_futures=True)
        for connection, sent, received in self._ended:
            self._list(connection, sent, received)
        self._tell()

    def series(self) -> Series:
        """Its series for the metrics, by their source names in the catalog."""
        return {
            "unmetered_connections": list(self._connections.copy().items()),
            "unmetered_bytes": list(self._bytes.copy().items()),
        }

    def _begun(self, pid: int, descriptor: int, host: str, port: int, *, failed: bool) -> _Connection:
        reason = self._known.get(pid)
        if reason is None:
            if len(self._known) >= limits.PROCESSES_MAX:
                self._known.clear()
            reason = self._known[pid] = self._pool.submit(self._reasons, pid)
        if failed or (port and port not in self._ports):
            reason = Future()
            reason.set_result("unattached" if failed else "other_port")
        return _Connection(
            pid=pid,
            descriptor=descriptor,
            process=self._name(pid) or "?",
            host=host,
            since=monotonic(),
            reason=reason,
            port=port,
            local=self._local_end(pid, descriptor),
        )

    def _is_proxied(self, connection: _Connection) -> bool:
        return not connection.listed and self._proxies.takes(connection.pid, connection.local, connection.port)

    def _end(self, connection: _Connection, traffic: Traffic) -> None:
        sent, received, covered = traffic
        if covered or not _counts(traffic) or self._is_proxied(connection):
            return
        self._settle(connection, sent, received)

    def _settle(self, connection: _Connection, sent: int, received: int) -> None:
        if connection.reason.done():
            self._list(connection, sent, received)
        elif len(self._ended) < limits.GREETED_MAX:
            self._ended.append((connection, sent, received))

    def _list(self, connection: _Connection, sent: int, received: int) -> None:
        finished = connection.reason.done() and not connection.reason.cancelled()
        reason: Reason = connection.reason.result() if finished else "unknown"
        added = (int(not connection.listed), sent - connection.sent, received - connection.received)
        connection.listed, connection.sent, connection.received = True, sent, received
        key: _Key = (connection.pid, connection.process, connection.host, reason)
        if key not in self._sums and len(self._sums) >= limits.UNMETERED_ROWS_MAX:
            key = (0, OTHER, OTHER, reason)
        sums = self._sums.setdefault(key, [0, 0, 0])
        for at, amount in enumerate(added):
            sums[at] += amount
        self._connections[reason,] += added[0]
        self._bytes[reason, "sent"] += added[1]
        self._bytes[reason, "received"] += added[2]

    def _tell(self) -> None:
        rows = (Unmetered(*key, *sums) for key, sums in self._sums.items())
        self.rows = tuple(sorted(rows, key=lambda row: -row.sent - row.received))


def _counts(traffic: Traffic) -> bool:
    return traffic[0] >= limits.UNMETERED_BYTES_MIN
