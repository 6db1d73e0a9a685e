"""One client connection and the upstream connections it owns.

mitmproxy's handler with three differences: hooks run from the table, upstream connections go where the routes say and
give up in time, and one client may have as many of them as it has streams. Knows nothing of what is metered.
"""

import asyncio
import contextlib
import ipaddress
import socket
import struct
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from mitmproxy import options as moptions
from mitmproxy.connection import ConnectionState, Server
from mitmproxy.proxy import commands, events, mode_specs, server_hooks
from mitmproxy.proxy.layers.http._http_h2 import SendH2Data
from mitmproxy.proxy.mode_servers import ProxyConnectionHandler
from mitmproxy.proxy.server import ConnectionIO

from tokmeter.capture.proxy import limits
from tokmeter.capture.proxy.dispatch import HookTable
from tokmeter.capture.proxy.routes import Routes
from tokmeter.capture.proxy.stock import Master
from tokmeter.clock import now_ns

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every connection of one proxy shares."""

    master: Master
    options: moptions.Options
    mode: mode_specs.ProxyMode
    hooks: HookTable
    routes: Routes
    connect_timeout_s: float


class ClientConnection(ProxyConnectionHandler):
    """Handles one client connection from accept to close."""

    def __init__(self, shared: Surroundings, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes over an accepted connection."""
        super().__init__(shared.master, reader, writer, shared.options, shared.mode)  # type: ignore[no-untyped-call] # mitmproxy is typed in parts
        self._shared = shared
        self.ended = asyncio.Event()
        """Set when everything about this connection is over."""
        self._unsent: Mapping[int, Collection[SendH2Data]] = {}
        self._room = asyncio.Event()
        self._room.set()
        self.max_conns = defaultdict(lambda: asyncio.Semaphore(limits.UPSTREAMS_PER_CLIENT))

    async def handle_hook(self, hook: commands.StartHook) -> None:
        """Runs the handlers of `hook` at once."""
        self._shared.hooks.run(hook)

    def reset_on_close(self) -> None:
        """From now on, closing the client connection resets it: a cut reply must not look like a whole one."""
        transport = self.transports.get(self.client)
        raw = transport.writer.get_extra_info("socket", None) if transport and transport.writer else None
        if raw is not None:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def keep_unsent(self, unsent: Mapping[int, Collection[SendH2Data]]) -> None:
        """The client speaks HTTP/2, and what it has no window for waits in `unsent`."""
        self._unsent = unsent

    async def server_event(self, event: events.Event) -> None:
        """Gives `event` to the layers; lets upstream connections go on once the client has read."""
        await super().server_event(event)
        self._make_room()

    def _make_room(self) -> None:
        if not self._room.is_set() and self._fits():
            self._room.set()

    def _fits(self) -> bool:
        return sum(len(piece.data) for pieces in self._unsent.values() for piece in pieces) <= limits.UNSENT_BYTES

    async def drain_writers(self) -> None:
        """Waits until what was written has left, and until an HTTP/2 client has read most of it."""
        await super().drain_writers()  # type: ignore[no-untyped-call] # mitmproxy is typed in parts
        client = self.transports.get(self.client)
        if self._unsent and client is not None and client.handler is not asyncio.current_task():
            while not self._fits():
                self._room.clear()
                await self._room.wait()

    def close(self) -> None:
        """Closes the client connection, and with it the upstream ones, after what is written has been sent."""
        transport = self.transports.get(self.client)
        if transport is not None and transport.handler is not None:
            self.close_connection(self.client)

    def close_upstreams(self) -> None:
        """Closes the upstream connections. What was written to the client still reaches it, and then their end."""
        for connection, transport in self.transports.items():
            if connection is not self.client and transport.handler is not None:
                self.close_connection(connection)

    async def open_connection(self, command: commands.OpenConnection) -> None:
        """Opens an upstream connection and reads from it until it ends."""
        server = command.connection
        data = server_hooks.ServerConnectionHookData(client=self.client, server=server)
        self._shared.hooks.run(server_hooks.ServerConnectHook(data))
        if server.address is None or server.error:
            self._shared.hooks.run(server_hooks.ServerConnectErrorHook(data))
            await self.server_event(events.OpenConnectionCompleted(command, server.error or "no destination is known"))
            return
        async with self.max_conns[server.address]:
            try:
                server.timestamp_start = now_ns() / 1e9
                reader, writer = await self._dial(server)
            except (OSError, asyncio.CancelledError) as error:
                server.error = str(error) or "the connection was cancelled"
                self._shared.hooks.run(server_hooks.ServerConnectErrorHook(data))
                await self.server_event(events.OpenConnectionCompleted(command, server.error))
                if isinstance(error, asyncio.CancelledError):
                    raise
                return
            server.timestamp_tcp_setup = now_ns() / 1e9
            server.state = ConnectionState.OPEN
            server.peername = writer.get_extra_info("peername")
            server.sockname = writer.get_extra_info("sockname")
            self.transports[server] = ConnectionIO(handler=asyncio.current_task(), reader=reader, writer=writer)
            self._shared.hooks.run(server_hooks.ServerConnectedHook(data))
            await self.server_event(events.OpenConnectionCompleted(command, None))
            try:
                await self.handle_connection(server)
            finally:
                # mitmproxy leaves the socket open when its task is cancelled twice.
                self.transports.pop(server, None)
                writer.close()
                server.timestamp_end = now_ns() / 1e9
                self._shared.hooks.run(server_hooks.ServerDisconnectedHook(data))

    async def _dial(self, server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connects to the first address of the server that answers. Raises `OSError`."""
        address = server.address
        if address is None:
            raise OSError("no destination is known")
        host, port = self._shared.routes.target((server.sni, self.client.sni), (address[0], address[1]))
        seconds = self._shared.connect_timeout_s
        try:
            async with asyncio.timeout(seconds):
                return await _first_that_answers(host, port, seconds)
        except TimeoutError as error:
            raise OSError(f"no answer within {seconds:g} s") from error


async def _first_that_answers(
    host: str, port: int, seconds: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Tries the addresses of `host` in turn, so that one without an answer does not use up all the time."""
    with contextlib.suppress(ValueError):
        return await asyncio.open_connection(str(ipaddress.ip_address(host)), port)
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys((str(entry[4][0]), int(entry[4][1])) for entry in found))[: limits.ADDRESSES_TRIED]
    share = max(seconds / max(len(addresses), 1), 1.0)
    error: OSError = OSError("the name has no address")
    for each, number in addresses:
        try:
            async with asyncio.timeout(share):
                return await asyncio.open_connection(each, number)
        except OSError as failure:
            error = failure
    raise error
