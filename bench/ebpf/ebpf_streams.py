"""Events of one streamed reply, at growing rates: how many are lost, and what each takes of the consumer."""

import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from ebpf_payloads import METERED, stream
from ebpf_sslsniff import sslsniff
from ebpf_tracer import WAIT_S, Traced, check, tracing
from ebpf_traffic import Traffic, traffic

RATES = (1000, 2000, 5000, 10_000, 20_000, 0)
"""Events a second; 0 is as fast as one core sends and receives them."""
FLAT_OUT_EVENTS = 30_000
SECONDS = 1.0
EVENT_BYTES = (None, 16384)
"""One word, about 300 bytes, or the most that a TLS record holds."""
IDLE_S = 3.0
ENDING = 3
"""Other traced processes that end during a stream, and how many seconds that lasts."""
ENDING_S = 3.0
ENDING_RATE = 1000

type Figures = dict[str, list[dict[str, float]]]


def measure(running: Traffic, rounds: int, loaders: tuple[str, ...], sniffer: Path | None) -> Figures:
    """For each loader, size and rate, what each try gave."""
    figures: Figures = {}
    for _ in range(rounds):
        for loader in loaders:
            _traced(running, loader, figures)
        if sniffer is not None:
            figures.setdefault("sslsniff|word|5000", []).append(_sniffed(running, sniffer, 5000))
    return figures


def while_processes_end(running: Traffic, rounds: int, loader: str) -> list[dict[str, float]]:
    """How much of a stream of large events is lost while other traced processes end."""
    return [_ending(running, loader) for _ in range(rounds)]


def _ending(running: Traffic, loader: str) -> dict[str, float]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        others = [stack.enter_context(traffic(folder)) for _ in range(ENDING)]
        traced = stack.enter_context(tracing(loader, running.pid, *(each.pid for each in others)))
        running.open()
        lost, count = traced.lost(), int(ENDING_RATE * ENDING_S)

        def end() -> None:
            for each in others:
                each.end()

        ending = threading.Thread(target=end)
        ending.start()
        running.stream(count, 1_000_000_000 // ENDING_RATE, stream(METERED, EVENT_BYTES[-1]))
        ending.join()
        return {"lost": (traced.lost() - lost) / count}


def _traced(running: Traffic, loader: str, figures: Figures) -> None:
    with tracing(loader, running.pid) as traced:
        before, began = traced.cpu_ns(), time.monotonic()
        time.sleep(IDLE_S)
        idle = (traced.cpu_ns() - before) / (time.monotonic() - began)
        figures.setdefault(f"{loader}|idle|", []).append({"cpu_share": idle / 1e9})
        for size in EVENT_BYTES:
            for rate in RATES:
                tries = figures.setdefault(f"{loader}|{size or 'word'}|{rate}", [])
                tries.append(_try(running, traced, size, rate, idle))


def _try(running: Traffic, traced: Traced, size: int | None, rate: int, idle: float) -> dict[str, float]:
    count, interval = _plan(rate)
    running.open()
    lost, known = traced.lost(), len(traced.entries)
    cpu, wakeups, began = traced.cpu_ns(), traced.wakeups(), time.monotonic()
    ran = running.stream(count, interval, stream(METERED, size))
    traced.wait_for(known + 1)
    cpu, wakeups, took = traced.cpu_ns() - cpu, traced.wakeups() - wakeups, time.monotonic() - began
    lost = traced.lost() - lost
    if lost == 0:
        check(traced.entries[known:], 1)
    return {
        "rate": count / ran.ns * 1e9,
        "lost": lost / count,
        "cpu_us": cpu / count / 1000,
        "event_cpu_us": (cpu - idle * took) / count / 1000,
        "sleeps_per_s": wakeups / took,
    }


def _sniffed(running: Traffic, program: Path, rate: int) -> dict[str, float]:
    count, interval = _plan(rate)
    with sslsniff(program, running.pid) as sniffer:
        running.open()
        cpu = sniffer.cpu_ns()
        ran = running.stream(count, interval, stream(METERED))
        time.sleep(WAIT_S)
        return {
            "rate": count / ran.ns * 1e9,
            "lost": sniffer.lost() / count,
            "cpu_us": (sniffer.cpu_ns() - cpu) / count / 1000,
        }


def _plan(rate: int) -> tuple[int, int]:
    return (int(rate * SECONDS), 1_000_000_000 // rate) if rate else (FLAT_OUT_EVENTS, 0)
