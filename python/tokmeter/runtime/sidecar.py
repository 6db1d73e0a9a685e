"""Wires configuration, meter, ledger, exporters and proxy into one running process. Holds no logic of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from tokmeter import __version__
from tokmeter._core import Attribution, Budget, LedgerEntry, Meter, PriceBook
from tokmeter.capture.proxy import Authority, ProxyCapture, ProxySettings
from tokmeter.clock import now_ns
from tokmeter.config import Config, meter_arguments, tokenizers
from tokmeter.export.jsonl import EventStream
from tokmeter.export.prometheus import Collector, build_info
from tokmeter.export.server import MetricsServer
from tokmeter.restoration import Learning, restore
from tokmeter.state import StateDirectory
from tokmeter.store.sqlite import SqliteLedger, SqliteReader

EXPIRY_S = 1.0
"""How often reservations without an owner are given up."""
LEARNING_S = 60.0
"""How often what was learned about counts goes to the ledger."""
LEDGER_CLOSE_S = 5.0
"""How long the last entries may take to become durable at the end."""

LOGGER = logging.getLogger("tokmeter")

type Sink = Callable[[LedgerEntry], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one process is to run."""

    config: Config
    state: StateDirectory
    ledger: Path
    proxy: ProxySettings
    who: Attribution
    trust: Path
    """Directory of the files that make clients trust the proxy."""
    metrics: tuple[str, int] | None = None
    """Where to serve metrics; nowhere when None."""
    drain_s: float = 0.0
    """How long open exchanges may take to finish at the end."""
    budgets: Sequence[Budget] = ()
    """Budgets beside those of the configuration; the ledger is not charged to them."""
    sinks: Sequence[Sink] = ()
    """Called with every finished exchange, on the event loop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What has been started, and where it listens."""

    meter: Meter
    capture: ProxyCapture
    proxy: Sequence[tuple[str, int]]
    metrics: tuple[str, int] | None
    hurry: asyncio.Event
    """Set it to give up draining."""
    ready: threading.Event
    """Set it once clients may come; `/readyz` says so."""

    @property
    def authority(self) -> Authority:
        """What clients must trust. Raises `RuntimeError` in a mode that has none."""
        return self.capture.authority


@asynccontextmanager
async def running(plan: Plan) -> AsyncIterator[Running]:
    """Start everything in order; leaving drains the proxy and stops all in reverse. Raises `TokmeterError`."""
    async with AsyncExitStack() as stack:
        ledger = SqliteLedger.open(plan.ledger)
        stack.callback(ledger.close, LEDGER_CLOSE_S)
        meter = build_meter(plan)
        learning = Learning(meter, ledger)
        with closing(SqliteReader.open(plan.ledger)) as reader:
            restore(meter, reader, plan.config.budgets, now_ns())
            learning.restore(reader)
        stack.callback(learning.keep)
        events = EventStream()
        ready = threading.Event()
        metrics = _serve_metrics(stack, plan, meter, ledger, events, ready)
        stack.push_async_callback(_cancelled, asyncio.create_task(_expire(meter)))
        stack.push_async_callback(_cancelled, asyncio.create_task(_learn(learning)))
        capture = ProxyCapture(meter, plan.who, plan.proxy, _sink(ledger, events, plan.sinks), now_ns)
        stack.push_async_callback(capture.stop)
        addresses = await capture.start()
        hurry = asyncio.Event()
        yield Running(meter=meter, capture=capture, proxy=addresses, metrics=metrics, hurry=hurry, ready=ready)
        # Nobody new should come while it drains.
        ready.clear()
        await _drain(capture, plan.drain_s, hurry)


def build_meter(plan: Plan) -> Meter:
    """The meter of the configuration and the plan's own budgets. Raises `TokmeterError`."""
    arguments = meter_arguments(plan.config)
    return Meter(
        price_book=PriceBook.embedded(),
        budgets=[*arguments.budgets, *plan.budgets],
        policies=arguments.policies,
        hosts=arguments.hosts,
        tokenizers=tokenizers(plan.config),
        seed=secrets.token_bytes(16),
        fingerprint_key=plan.state.fingerprint_key(),
    )


def _serve_metrics(
    stack: AsyncExitStack, plan: Plan, meter: Meter, ledger: SqliteLedger, events: EventStream, ready: threading.Event
) -> tuple[str, int] | None:
    if plan.metrics is None:
        return None
    build = build_info(__version__, PriceBook.embedded().version)
    server = MetricsServer(
        *plan.metrics,
        collector=Collector(lambda: meter.snapshot(now_ns()), [ledger.series, events.series, build]),
        events=events,
        budgets=lambda: meter.snapshot(now_ns()).budgets(),
        health=lambda: _health(ledger),
        ready=ready.is_set,
    )
    address = server.start()
    stack.callback(server.stop)
    # Followers get their last lines before the server goes.
    stack.callback(events.close)
    return address


def _health(ledger: SqliteLedger) -> Mapping[str, object]:
    state = ledger.state()
    return {
        "status": "ok" if state.last_error is None else "degraded",
        "version": __version__,
        "ledger": {"written": state.written, "queued": state.queued, "error": state.last_error},
    }


def _sink(ledger: SqliteLedger, events: EventStream, sinks: Sequence[Sink]) -> Sink:
    def sink(entry: LedgerEntry) -> None:
        ledger.append(entry)
        _tell(entry.alerts)
        if events.subscribers:
            events.publish(entry.to_json())
        for also in sinks:
            also(entry)

    return sink


def _tell(alerts: Sequence[tuple[str, str]]) -> None:
    for budget, fraction in alerts:
        LOGGER.warning("budget %s has reached %s of its limit", budget, fraction)


async def _expire(meter: Meter) -> None:
    while True:
        await asyncio.sleep(EXPIRY_S)
        _tell(meter.expire(now_ns()))


async def _learn(learning: Learning) -> None:
    while True:
        await asyncio.sleep(LEARNING_S)
        learning.keep()


async def _cancelled[T](task: asyncio.Task[T]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _drain(capture: ProxyCapture, grace_s: float, hurry: asyncio.Event) -> None:
    draining = asyncio.create_task(capture.drain(grace_s))
    hurried = asyncio.create_task(hurry.wait())
    await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
    await _cancelled(draining)
    await _cancelled(hurried)
