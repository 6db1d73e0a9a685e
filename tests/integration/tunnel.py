"""A proxy that reads nothing: whatever host a client asks for, it is connected to the simulator.

Shows what a client does with its provider's real host name when nobody stands between.
"""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from tests.integration.applications import base_environment
from tests.integration.metered import finished
from tokmeter.testing import ThreadedSimulator
from tokmeter.variables import BUNDLE_VARIABLES

READ_BYTES = 65_536
START_LIMIT_S = 10.0


class Tunnel:
    """``with Tunnel(simulator) as tunnel``: serves CONNECT in a thread of its own."""

    def __init__(self, simulator: ThreadedSimulator) -> None:
        self._simulator = simulator
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=lambda: self._loop.run_until_complete(self._serve()), daemon=True)
        self.hosts: list[str] = []
        """Hosts that were asked for, with their ports."""
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(START_LIMIT_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_LIMIT_S)
        self._loop.close()

    def application(self, command: list[str], folder: object) -> list[dict[str, object]]:
        """Runs a program to its end through this tunnel; what it printed."""
        url = f"http://127.0.0.1:{self.port}"
        ways = dict.fromkeys(("HTTPS_PROXY", "https_proxy"), url)
        trust = dict.fromkeys(BUNDLE_VARIABLES, str(self._simulator.ca_path))
        return finished(command, {**base_environment(folder), **ways, **trust})  # type: ignore[arg-type]

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._stop.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.hosts.append(head.split(b" ")[1].decode())
        up_reader, up_writer = await asyncio.open_connection(self._simulator.host, self._simulator.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with contextlib.suppress(OSError):
            await asyncio.gather(_copy(reader, up_writer), _copy(up_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while piece := await reader.read(READ_BYTES):
            writer.write(piece)
            await writer.drain()
    finally:
        writer.close()
