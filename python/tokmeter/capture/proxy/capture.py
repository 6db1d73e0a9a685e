"""The proxy as a capture source: start, drain, stop. Wires the parts of this package and holds no rules of its own."""

import asyncio
import contextlib
import resource
from collections.abc import Callable

from mitmproxy.platform import original_addr
from mitmproxy.proxy import mode_specs
from mitmproxy.proxy.layers import modes
from OpenSSL import SSL

from tokmeter._core import Attribution, LedgerEntry, Meter
from tokmeter.capture.proxy import faults, layers, limits, probe
from tokmeter.capture.proxy.authority import Authority, ensure_authority
from tokmeter.capture.proxy.base_url import BaseUrl
from tokmeter.capture.proxy.connection import ClientConnection, Surroundings
from tokmeter.capture.proxy.inline import InlineConnection
from tokmeter.capture.proxy.interception import Interception
from tokmeter.capture.proxy.listener import Listener
from tokmeter.capture.proxy.loop_guard import LoopGuard
from tokmeter.capture.proxy.master import build_master
from tokmeter.capture.proxy.metering import Metering
from tokmeter.capture.proxy.routes import Routes
from tokmeter.capture.proxy.settings import ProxySettings
from tokmeter.capture.proxy.stock import Master
from tokmeter.capture.proxy.upstreams import Upstreams
from tokmeter.clock import now_ns
from tokmeter.errors import TokmeterError

_CLOSING_S = 2.0


class ProxyCapture:
    """Meters what passes a proxy. One per process: mitmproxy keeps global state."""

    def __init__(
        self,
        meter: Meter,
        who: Attribution,
        settings: ProxySettings,
        sink: Callable[[LedgerEntry], None],
        clock: Callable[[], int],
    ) -> None:
        """`sink` is called once for each finished exchange, on the event loop; it must not block."""
        self._meter = meter
        self._settings = settings
        self._clock = clock
        self._metering = Metering(meter, who, settings, sink, clock)
        self._listener = Listener(settings, self._accept)
        self._cleanup = contextlib.ExitStack()
        self._connection_class = InlineConnection if probe.may_run_inline() else ClientConnection
        self._surroundings: Surroundings | None = None
        self._master: Master | None = None
        self._running: asyncio.Task[None] | None = None
        self._authority: Authority | None = None

    @property
    def authority(self) -> Authority:
        """The certificate authority, for the trust files. Raises `RuntimeError` before `start`, and where none is needed."""
        if self._authority is None:
            raise RuntimeError("the proxy has not been started, or has no authority in its mode")
        return self._authority

    async def start(self) -> list[tuple[str, int]]:
        """Starts serving and returns the addresses. Raises `TokmeterError` when that cannot be done."""
        probe.require_known_shape()
        _check_roots(self._settings)
        _raise_descriptor_limit()
        if self._settings.needs_authority:
            self._authority = ensure_authority(self._settings.ca_dir, self._meter.hosts(), now_ns=now_ns())
        own = [LoopGuard(self._listener.addresses), self._entrance(), self._metering]
        built, table = build_master(self._settings, self._authority, own, self._metering.hook_failed)
        self._surroundings = Surroundings(
            master=built,
            options=built.options,
            mode=self._settings.proxy_mode(),
            hooks=table,
            routes=Routes(self._settings.connect_to),
            connect_timeout_s=self._settings.connect_timeout_s,
        )
        self._master = built
        self._cleanup.enter_context(layers.installed(self._metering))
        self._running = asyncio.create_task(built.run())
        try:
            await self._listener.open()
        except BaseException:
            await self.stop()
            raise
        return list(self._listener.addresses)

    def _entrance(self) -> object:
        """The handlers that decide what of the clients' traffic is read, and for whom it is."""
        if self._settings.needs_authority:
            return Interception(self._meter, self._clock, fail_closed=self._settings.fail_closed)
        return BaseUrl(self._meter, Upstreams(self._settings.upstreams))

    async def drain(self, grace_s: float) -> None:
        """Stops accepting and waits up to `grace_s` seconds for open exchanges; what is left is closed as `shutdown`."""
        self._listener.close()
        finished = asyncio.Event()
        self._metering.on_end = self._close_when_done
        self._metering.on_idle = finished.set
        if not self._metering.idle:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await finished.wait()
        self._metering.close_all("shutdown")
        await self._close_connections()

    async def stop(self) -> None:
        """Closes everything at once. May be called more than once, and without `start`."""
        self._listener.close()
        self._metering.close_all("shutdown")
        await self._close_connections()
        if self._master is not None and self._running is not None:
            self._master.shutdown()
            await self._running
        self._master = self._running = None
        self._cleanup.close()

    def _close_when_done(self, client_id: str) -> None:
        """While draining, a connection goes with its last exchange, once the end of it has been written."""
        connection = self._metering.connections.get(client_id)
        if connection is not None:
            asyncio.get_running_loop().call_soon(connection.close)

    async def _close_connections(self) -> None:
        connections = self._metering.connections
        for connection in list(connections.values()):
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                while connections:
                    await next(iter(connections.values())).ended.wait()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one client connection to its end."""
        connections = self._metering.connections
        if self._surroundings is None or len(connections) >= limits.CONNECTIONS:
            self._meter.unmetered("too_many_connections")
            writer.close()
            return
        connection = self._connection_class(self._surroundings, reader, writer)
        try:
            _enter_mode(connection, writer)
        except OSError as error:
            faults.report("finding the original destination", error)
            self._meter.unmetered("no_destination")
            writer.close()
            return
        connections[connection.client.id] = connection
        try:
            await connection.handle_client()
        finally:
            writer.close()
            del connections[connection.client.id]
            connection.ended.set()


def _enter_mode(connection: ClientConnection, writer: asyncio.StreamWriter) -> None:
    """Gives the connection the layer of its mode. Raises `OSError` when the original destination is not known."""
    context = connection.layer.context
    mode = context.client.proxy_mode
    if isinstance(mode, mode_specs.TransparentMode):
        if original_addr is None:
            raise OSError("transparent mode is not supported on this platform")
        context.server.address = original_addr(writer.get_extra_info("socket"))
        connection.layer = modes.TransparentProxy(context)
    elif isinstance(mode, mode_specs.ReverseMode):
        connection.layer = modes.ReverseProxy(context)
    else:
        connection.layer = modes.HttpProxy(context)


def _check_roots(settings: ProxySettings) -> None:
    """Loads the roots for upstream connections once, so that a bad file is an error now and not on every request."""
    file = settings.upstream_ca
    if file is None:
        return
    try:
        SSL.Context(SSL.TLS_CLIENT_METHOD).load_verify_locations(str(file))
    except (SSL.Error, OSError) as error:
        raise TokmeterError(
            "the roots for upstream connections cannot be read", where=str(file), hint="name a readable file in PEM"
        ) from error


def _raise_descriptor_limit() -> None:
    """Every client connection takes two descriptors; the customary limit of 1024 ends in refused connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.DESCRIPTORS if hard == resource.RLIM_INFINITY else min(limits.DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
