"""Accepts client connections on every address of the settings. Owns sockets; what happens on a connection is handed in."""

import asyncio
import errno
import logging
import os
from collections.abc import Awaitable, Callable

from tokmeter.capture.proxy import limits
from tokmeter.capture.proxy.settings import ProxySettings
from tokmeter.errors import TokmeterError

LOGGER = logging.getLogger("tokmeter")

_LOOPBACK_6 = "::1"
_NO_FAMILY = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
_OTHER = "choose an address of this machine"

type Accept = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """The listening sockets of one proxy."""

    def __init__(self, settings: ProxySettings, accept: Accept) -> None:
        """Gives each connection to `accept`, in a task of its own."""
        self._settings = settings
        self._accept = accept
        self._servers: list[asyncio.Server] = []
        self.addresses: list[tuple[str, int]] = []
        """Addresses that are listened on."""

    async def open(self) -> None:
        """Listens on all addresses, or on none and raises `TokmeterError`."""
        try:
            for host, port in self._settings.listen:
                await self._listen(host, port)
            if not self._servers:
                raise TokmeterError("the proxy cannot listen: this machine has none of its addresses", hint=_OTHER)
        except TokmeterError:
            self.close()
            raise

    async def _listen(self, host: str, port: int) -> None:
        several = len(self._settings.listen) > 1
        try:
            server = await asyncio.start_server(
                self._accept,
                host or None,
                port,
                backlog=limits.BACKLOG,
                reuse_port=self._settings.reuse_port or None,
            )
        except OSError as error:
            if several and host == _LOOPBACK_6 and error.errno in _NO_FAMILY:
                # Asked for beside 127.0.0.1, for programs that speak IPv6: here there can be none.
                LOGGER.warning("no IPv6 here: the proxy does not listen on [%s]:%d", host, port)
                return
            # Event loops put the address into their message, in words of their own.
            reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
            raise TokmeterError(
                f"the proxy cannot listen: {reason}", where=f"{host or '*'}:{port}", hint=_hint(error)
            ) from error
        self._servers.append(server)
        for bound in server.sockets:
            address = bound.getsockname()
            self.addresses.append((address[0], address[1]))

    def close(self) -> None:
        """Stops accepting; open connections live on."""
        for server in self._servers:
            server.close()
        self._servers.clear()


def _hint(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there: stop it, or choose another address with --listen"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return "ports below 1024 need privileges: choose a higher port"
    return _OTHER
