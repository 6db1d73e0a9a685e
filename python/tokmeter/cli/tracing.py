"""From the options of `tokmeter watch` to a running tracer, as a source of the live view."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from tokmeter.capture.ebpf import Selection, TracerSettings
from tokmeter.cli.options import listen_address
from tokmeter.clock import now_ns
from tokmeter.config import load
from tokmeter.errors import TokmeterError
from tokmeter.resolve import Resolver, Roots, processes
from tokmeter.runtime.host import TracePlan, tracing
from tokmeter.state import StateDirectory
from tokmeter.watch.traced import TracedSource


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceOptions:
    """As they were given."""

    pids: tuple[int, ...]
    cgroups: tuple[str, ...]
    containers: tuple[str, ...]
    pods: tuple[str, ...]
    everybody: bool
    loader: str
    plain: bool
    host_root: Path | None
    metrics: str | None
    config: Path | None
    enforce: bool = False


@contextmanager
def traced(options: TraceOptions, environ: Mapping[str, str]) -> Iterator[TracedSource]:
    """A tracer that runs until it is left, or the process is told to end. Raises `TokmeterError`."""
    resolver = Resolver(Roots() if options.host_root is None else Roots.below(options.host_root))
    served = None if options.metrics is None else listen_address(options.metrics, "--metrics")
    source = TracedSource()
    plan = TracePlan(
        config=load(options.config, environ),
        state=StateDirectory(environ),
        tracer=TracerSettings(selection=selection(options, resolver), loader=options.loader, plain=options.plain),
        resolver=resolver,
        metrics=None if served is None else (served.host, served.port),
        sinks=[source.put],
        enforce=options.enforce,
    )
    with tracing(plan) as started, _ended_by_signal(source):
        source.fail_with(lambda: started.capture.failure)
        source.account_with(lambda: started.meter.snapshot(now_ns()).budgets())
        source.stop_with(started.stopped)
        source.audit_with(started.unmetered)
        if started.undecidable:
            names = ", ".join(started.undecidable)
            click.echo(
                f"tokmeter: warning: --enforce stops nobody for {names}: who is meant must be said by namespace, service, pod"
                " or user, the rest is not known when a process connects",
                err=True,
            )
        click.echo(f"tokmeter: tracing {started.capture.counters['processes']} processes", err=True)
        if started.metrics is not None:
            click.echo(f"tokmeter: metrics on http://{started.metrics[0]}:{started.metrics[1]}/metrics", err=True)
        yield source


def selection(options: TraceOptions, resolver: Resolver) -> Selection:
    """Which processes were asked for. Raises `TokmeterError` if one of them is not there."""
    finders: list[Callable[[], list[int]]] = [
        *(lambda path=path: processes.of_cgroup(resolver, path) for path in options.cgroups),
        *(lambda wanted=wanted: processes.of_container(resolver, wanted) for wanted in options.containers),
        *(lambda wanted=wanted: processes.of_pod(resolver, wanted) for wanted in options.pods),
    ]
    if options.everybody:
        finders.append(lambda: processes.every(resolver))
    started = {pid: _started(resolver, pid) for pid in options.pids}
    for pid, at in started.items():
        if at is None:
            raise TokmeterError(f"there is no process {pid}", where="--pid", hint="see `ps -e`")

    def chosen() -> set[int]:
        # The id of a process that has ended is given to others, who were not asked for.
        same = {pid for pid, at in started.items() if _started(resolver, pid) == at}
        return same.union(*(find() for find in finders))

    chosen()
    return Selection(
        processes=chosen,
        everybody=options.everybody,
        # A few processes are attached to one by one, so that nobody else runs into a probe.
        shared=bool(finders),
    )


def _started(resolver: Resolver, pid: int) -> int | None:
    """When a process has started, in ticks since boot; None when there is none."""
    workload = resolver.workload(pid)
    return None if workload is None else workload.start_time


@contextmanager
def _ended_by_signal(source: TracedSource) -> Iterator[None]:
    """SIGTERM and SIGINT end the tracer in order: what it has attached is taken back, what was open is told.

    Nothing is raised in the middle of telling, which would lose it; the second signal does not wait.
    """

    def end(_number: int, _frame: object) -> None:
        source.end()
        for number in numbers:
            signal.signal(number, signal.default_int_handler)

    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
