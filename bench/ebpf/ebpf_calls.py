"""What a TLS call takes, traced in several ways: each round runs all of them, one after the other, on the same process."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from ebpf_empty import empty_probes
from ebpf_payloads import METERED, OTHER, reply, request
from ebpf_sslsniff import sslsniff
from ebpf_tracer import LOADERS, check, tracing
from ebpf_traffic import Ran, Traffic

SIZES = (256, 4096, 16384)
COUNT = 200
"""Exchanges at a time. What they leave in the ring fits into it, so that nothing is lost while the consumer sleeps."""
TIMES = 8
PAUSE_S = 0.03

type Figures = dict[str, list[dict[str, float]]]


def measure(traffic: Traffic, rounds: int, loaders: tuple[str, ...], sniffer: Path | None) -> Figures:
    """For each variant and size, what each try took: microseconds an exchange, by the clock and of the client's CPU."""
    plain: dict[str, Callable[[], AbstractContextManager[object]]] = {
        "no probe": nullcontext,
        "empty program, entry": partial(empty_probes, traffic.pid, on_return=False),
        "empty program, entry and return": partial(empty_probes, traffic.pid, on_return=True),
    }
    names = [*plain, *(each for each in loaders if each != "bcc")]
    if sniffer is not None:
        plain["sslsniff"] = partial(sslsniff, sniffer, traffic.pid)
        names.append("sslsniff")
    # BCC's last, next to each other, and no probe after them: it names a counter for its probes, and the kernel takes no others
    # at the same place until they are gone.
    names += [each for each in loaders if each == "bcc"]
    figures: Figures = {}
    for number in range(rounds):
        for name in names[number % len(names) :] + names[: number % len(names)]:
            if name in LOADERS:
                _traced(traffic, name, figures)
            else:
                with plain[name]():
                    for size in SIZES:
                        _tries(traffic, METERED, size, figures.setdefault(f"{name}|{size}", []))
    return figures


def _traced(traffic: Traffic, loader: str, figures: Figures) -> None:
    with tracing(loader, traffic.pid) as traced:
        for size in SIZES:
            _tries(traffic, OTHER, size, figures.setdefault(f"{loader}, ignored|{size}", []))
            expected = len(traced.entries)

            def drained(expected: int = expected) -> Iterator[None]:
                while True:
                    expected += COUNT
                    if not traced.wait_for(expected):
                        raise AssertionError(f"{expected - len(traced.entries)} exchanges were not told")
                    yield

            _tries(traffic, METERED, size, figures.setdefault(f"{loader}, captured|{size}", []), drained())
    check(traced.entries, len(SIZES) * TIMES * COUNT)


def _tries(
    traffic: Traffic, host: str, size: int, into: list[dict[str, float]], after: Iterator[None] | None = None
) -> None:
    traffic.open()
    asked, answered = request(host, size), reply(size)
    for _ in range(TIMES):
        ran = traffic.exchange(COUNT, asked, answered)
        if ran.calls != 2 * COUNT:
            raise AssertionError(f"{ran.calls} calls for {COUNT} exchanges")
        into.append(_figures(ran))
        if after is not None:
            next(after)
        time.sleep(PAUSE_S)


def _figures(ran: Ran) -> dict[str, float]:
    return {"us": ran.ns / COUNT / 1000, "cpu_us": ran.cpu_ns / COUNT / 1000}
