"""Where LLMs are: the addresses of the names that are metered, by the host's resolver and by the hosts files of processes.

Limits, which a stop has too:

- A suffix such as ``.openai.azure.com`` has no address to ask for. Its hosts are known where a hosts file names them.
- Names are asked for here: a process whose resolver answers otherwise (split DNS, another region of a provider) may use
  addresses that are not known, until the provider gives them out here, too. Addresses once seen are kept.
- Several names may share an address, as behind a content delivery network; all of them at that port are taken for an LLM's.
- A name without a configured port stands for port 443.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic

from tokmeter.capture.ebpf import limits
from tokmeter.config.address import host_and_port

HTTPS = 443
UNUSABLE = "*"

type Destination = tuple[bytes, int]
"""An IPv6 address, to which an IPv4 address is mapped, and a port."""
type Lookup = Callable[[str, int], Iterable[str]]


def destination(address: str, port: int) -> Destination:
    """Of an address as text. Raises `ValueError`."""
    return mapped(ipaddress.ip_address(address.partition("%")[0]).packed), port


def mapped(packed: bytes) -> bytes:
    """The IPv6 address of one that may be of IPv4."""
    return bytes(10) + b"\xff\xff" + packed if len(packed) == 4 else packed


def key(destination: Destination) -> tuple[int, int, int]:
    """As the programs have it in their table."""
    address, port = destination
    first, second = (int.from_bytes(address[at : at + 8], sys.byteorder) for at in (0, 8))
    return first, second, socket.htons(port)


def names(hosts: Iterable[str]) -> list[tuple[str, int]]:
    """The names with their ports that can be asked for, of the patterns that are metered."""
    found: dict[tuple[str, int], None] = {}
    for host in hosts:
        if host.startswith(".") or UNUSABLE in host:
            continue
        try:
            name, port = host_and_port(host)
        except ValueError:
            continue
        found[name, port or HTTPS] = None
    return list(found)[: limits.NAMES_MAX]


def aliases(text: bytes) -> Iterator[tuple[str, str]]:
    """Address and name of each entry of a hosts file."""
    for line in text.decode(errors="replace").splitlines():
        address, *entry = line.partition("#")[0].split()[: limits.ALIASES_MAX] or [""]
        for name in entry:
            yield address, name.lower()


class Addresses:
    """Asks only once it is told to, in threads of its own; what is known so far is there at once. For one thread."""

    def __init__(
        self,
        hosts: Callable[[], Iterable[str]],
        knows: Callable[[str, int | None], bool],
        hosts_file: Callable[[int], bytes],
        lookup: Lookup | None = None,
    ) -> None:
        """Ask for nothing yet.

        `hosts` gives the patterns that are metered, `knows` says whether a name and port is one of them, `hosts_file` is the
        hosts file that a process sees.
        """
        self._hosts = hosts
        self._knows = knows
        self._hosts_file = hosts_file
        self._lookup = lookup or _lookup
        self._known: set[Destination] = set()
        self._pool: ThreadPoolExecutor | None = None
        self._asked: list[tuple[int, Future[Iterable[str]]]] = []
        self._due = 0.0
        self._ports: set[int] = {HTTPS}

    def refresh(self) -> None:
        """Asks for every name if that was not done lately."""
        if monotonic() < self._due or self._asked:
            return
        self._due = monotonic() + limits.NAMES_FRESH_S
        if self._pool is None:
            self._pool = ThreadPoolExecutor(limits.LOOKUPS_AT_ONCE, thread_name_prefix="addresses")
        wanted = names(self._hosts())
        self._ports = {HTTPS, *(port for _, port in wanted)}
        self._asked = [(port, self._pool.submit(self._lookup, name, port)) for name, port in wanted]

    def read_hosts_of(self, process: int) -> None:
        """Takes up what the hosts file of a process says of names that are metered."""
        for address, name in aliases(self._hosts_file(process)):
            for port in self._ports:
                if self._knows(name, port):
                    self._add(address, port)

    def known(self) -> set[Destination]:
        """All that are known by now."""
        waiting = []
        for port, asked in self._asked:
            if not asked.done():
                waiting.append((port, asked))
                continue
            # A name that has no address is none to refuse.
            if asked.exception() is None:
                for address in asked.result():
                    self._add(address, port)
        self._asked = waiting
        return self._known

    def close(self) -> None:
        """Waits for no answer any more."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _add(self, address: str, port: int) -> None:
        if len(self._known) >= limits.DESTINATIONS_MAX:
            return
        try:
            self._known.add(destination(address, port))
        except ValueError:
            return


def _lookup(name: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
