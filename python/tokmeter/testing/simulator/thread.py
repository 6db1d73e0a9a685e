"""The simulator for programs without an event loop: the same server on a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from tokmeter.testing.simulator.behaviour import Behaviour
from tokmeter.testing.simulator.journal import Journal, ReceivedRequest
from tokmeter.testing.simulator.server import ProviderSimulator

START_LIMIT_S = 10.0


class ThreadedSimulator:
    """``with ThreadedSimulator(tls=True) as simulator``; takes the arguments of `ProviderSimulator`."""

    def __init__(self, **arguments: Any) -> None:
        """Prepares the simulator; it starts on entering the context."""
        self._simulator = ProviderSimulator(**arguments)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="provider-simulator", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._started.wait(START_LIMIT_S):
            raise TimeoutError("the simulator did not start")
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_LIMIT_S)

    @property
    def host(self) -> str:
        """Address it listens on."""
        return self._simulator.host

    @property
    def port(self) -> int:
        """Port it listens on."""
        return self._simulator.port

    @property
    def url(self) -> str:
        """Scheme, address and port, without a path."""
        return self._simulator.url

    @property
    def ca_path(self) -> Path:
        """The root to trust; raises `ValueError` without TLS."""
        return self._simulator.ca_path

    @property
    def requests(self) -> list[ReceivedRequest]:
        """A copy of the list of every request so far."""
        return list(self._simulator.requests)

    @property
    def connections(self) -> int:
        """Connections accepted so far."""
        return self._simulator.journal.connections

    def follow(self, *behaviours: Behaviour) -> None:
        """Adds to the script: each behaviour is used for one reply, in order."""
        self._simulator.follow(*behaviours)

    def release(self) -> None:
        """Lets held replies go on."""
        self._running().call_soon_threadsafe(self._simulator.release)

    def until(self, condition: Callable[[Journal], bool], *, limit_s: float = 10.0) -> None:
        """Waits until `condition` holds; raises `TimeoutError` after `limit_s`."""
        waiting = asyncio.run_coroutine_threadsafe(
            self._simulator.journal.until(condition, limit_s=limit_s), self._running()
        )
        waiting.result(limit_s + START_LIMIT_S)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the simulator is not running")
        return self._loop

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as failure:  # noqa: BLE001 - handed to the thread that waits in __enter__
            self._failure = failure
        finally:
            self._started.set()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with self._simulator:
            self._started.set()
            await self._stop.wait()
