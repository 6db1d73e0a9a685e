"""Events of one streamed reply, at growing rates: how many are lost, and what each takes of the consumer."""

import time
from pathlib import Path

from ebpf_payloads import METERED, stream
from ebpf_sslsniff import sslsniff
from ebpf_tracer import WAIT_S, Traced, check, tracing
from ebpf_traffic import Traffic

RATES = (1000, 2000, 5000, 10_000, 20_000, 0)
"""Events a second; 0 is as fast as one core sends and receives them."""
FLAT_OUT_EVENTS = 30_000
SECONDS = 1.0
EVENT_BYTES = (None, 16384)
"""One word, about 300 bytes, or the most that a TLS record holds."""
IDLE_S = 3.0

type Figures = dict[str, list[dict[str, float]]]


def measure(traffic: Traffic, rounds: int, loaders: tuple[str, ...], sniffer: Path | None) -> Figures:
    """For each loader, size and rate, what each try gave."""
    figures: Figures = {}
    for _ in range(rounds):
        for loader in loaders:
            _traced(traffic, loader, figures)
        if sniffer is not None:
            figures.setdefault("sslsniff|word|5000", []).append(_sniffed(traffic, sniffer, 5000))
    return figures


def _traced(traffic: Traffic, loader: str, figures: Figures) -> None:
    with tracing(loader, traffic.pid) as traced:
        before, began = traced.cpu_ns(), time.monotonic()
        time.sleep(IDLE_S)
        idle = (traced.cpu_ns() - before) / (time.monotonic() - began)
        figures.setdefault(f"{loader}|idle|", []).append({"cpu_share": idle / 1e9})
        for size in EVENT_BYTES:
            for rate in RATES:
                tries = figures.setdefault(f"{loader}|{size or 'word'}|{rate}", [])
                tries.append(_try(traffic, traced, size, rate, idle))


def _try(traffic: Traffic, traced: Traced, size: int | None, rate: int, idle: float) -> dict[str, float]:
    count, interval = _plan(rate)
    traffic.open()
    lost, known = traced.lost(), len(traced.entries)
    cpu, wakeups, began = traced.cpu_ns(), traced.wakeups(), time.monotonic()
    ran = traffic.stream(count, interval, stream(METERED, size))
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


def _sniffed(traffic: Traffic, program: Path, rate: int) -> dict[str, float]:
    count, interval = _plan(rate)
    with sslsniff(program, traffic.pid) as sniffer:
        traffic.open()
        cpu = sniffer.cpu_ns()
        ran = traffic.stream(count, interval, stream(METERED))
        time.sleep(WAIT_S)
        return {
            "rate": count / ran.ns * 1e9,
            "lost": sniffer.lost() / count,
            "cpu_us": (sniffer.cpu_ns() - cpu) / count / 1000,
        }


def _plan(rate: int) -> tuple[int, int]:
    return (int(rate * SECONDS), 1_000_000_000 // rate) if rate else (FLAT_OUT_EVENTS, 0)
