"""Wires configuration, meter, resolver, exporters and tracer into one running process. Holds no logic of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tokmeter import __version__
from tokmeter._core import Attribution, LedgerEntry, Meter, PriceBook
from tokmeter.capture.ebpf import TracerCapture, TracerSettings
from tokmeter.capture.ebpf.addresses import Addresses, names
from tokmeter.capture.ebpf.audit import CoverageAudit, Unmetered
from tokmeter.capture.ebpf.scopes import OF_WORKLOAD, Scopes, Subject
from tokmeter.capture.ebpf.stop import KernelStop, Stopped
from tokmeter.clock import now_ns
from tokmeter.config import Config, meter_arguments, tokenizers
from tokmeter.export.jsonl import EventStream
from tokmeter.export.prometheus import Collector, build_info
from tokmeter.export.server import MetricsServer
from tokmeter.resolve import Resolver
from tokmeter.resolve.reading import read_inside
from tokmeter.state import StateDirectory

type Sink = Callable[[LedgerEntry], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePlan:
    """What one process is to trace."""

    config: Config
    state: StateDirectory
    tracer: TracerSettings
    resolver: Resolver
    metrics: tuple[str, int] | None = None
    """Where to serve metrics; nowhere when None."""
    sinks: Sequence[Sink] = ()
    """Called with every finished exchange, on the tracer's thread."""
    enforce: bool = False
    """Stop processes whose budgets are exhausted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """What has been started, and where it listens."""

    meter: Meter
    capture: TracerCapture
    metrics: tuple[str, int] | None
    stopped: Callable[[], Stopped]
    """What is stopped now."""
    unmetered: Callable[[], Sequence[Unmetered]]
    """What goes to LLMs and is not read."""
    undecidable: Sequence[str] = ()
    """Enforced budgets that stop nobody: their scopes are not known when a process connects."""


@contextmanager
def tracing(plan: TracePlan) -> Iterator[Tracing]:
    """Start everything in order; leaving stops all in reverse. Raises `TokmeterError`."""
    with ExitStack() as stack:
        meter = _meter(plan)
        events = EventStream()
        scopes = Scopes(plan.config)
        stop = _stop(plan, meter, scopes) if plan.enforce else None
        audit = _audit(plan, meter)
        capture = TracerCapture(
            meter, _who(plan.resolver), plan.tracer, _sink(events, plan.sinks), now_ns, stop=stop, audit=audit
        )
        capture.start()
        stack.callback(capture.stop)
        metrics = _serve_metrics(stack, plan, meter, events, capture)
        yield Tracing(
            meter=meter,
            capture=capture,
            metrics=metrics,
            stopped=Stopped if stop is None else lambda: stop.state,
            unmetered=lambda: audit.rows,
            undecidable=scopes.undecidable if plan.enforce else (),
        )


def _meter(plan: TracePlan) -> Meter:
    arguments = meter_arguments(plan.config)
    return Meter(
        price_book=PriceBook.embedded(),
        budgets=arguments.budgets,
        policies=arguments.policies,
        hosts=arguments.hosts,
        tokenizers=tokenizers(plan.config),
        capture="tracer",
        seed=secrets.token_bytes(16),
        fingerprint_key=plan.state.fingerprint_key(),
    )


def _stop(plan: TracePlan, meter: Meter, scopes: Scopes) -> KernelStop:
    def subject(pid: int) -> Subject | None:
        workload = plan.resolver.workload(pid)
        return None if workload is None else {name: getattr(workload, name) for name in OF_WORKLOAD}

    def hosts_file(pid: int) -> bytes:
        return read_inside(plan.resolver.roots.process(pid) / "root", "etc", "hosts") or b""

    return KernelStop(
        scopes,
        lambda: meter.snapshot(now_ns()).budgets(),
        subject,
        Addresses(meter.hosts, meter.knows_host, hosts_file),
    )


def _audit(plan: TracePlan, meter: Meter) -> CoverageAudit:
    def name(pid: int) -> str | None:
        workload = plan.resolver.workload(pid)
        return None if workload is None else workload.process

    return CoverageAudit(name, ports=frozenset(port for _, port in names(meter.hosts())))


def _who(resolver: Resolver) -> Callable[[int], Attribution]:
    def who(pid: int) -> Attribution:
        workload = resolver.workload(pid)
        return Attribution(pid=pid) if workload is None else workload.attribution()

    return who


def _sink(events: EventStream, sinks: Sequence[Sink]) -> Sink:
    def sink(entry: LedgerEntry) -> None:
        if events.subscribers:
            events.publish(entry.to_json())
        for also in sinks:
            also(entry)

    return sink


def _serve_metrics(
    stack: ExitStack, plan: TracePlan, meter: Meter, events: EventStream, capture: TracerCapture
) -> tuple[str, int] | None:
    if plan.metrics is None:
        return None
    build = build_info(__version__, PriceBook.embedded().version)
    server = MetricsServer(
        *plan.metrics,
        collector=Collector(lambda: meter.snapshot(now_ns()), [capture.series, events.series, build]),
        events=events,
        budgets=lambda: meter.snapshot(now_ns()).budgets(),
        health=lambda: {"status": "ok", "version": __version__, "tracer": capture.counters},
    )
    address = server.start()
    stack.callback(server.stop)
    stack.callback(events.close)
    return address
