"""The tables of the tracer's benchmark and its targets. Pure: takes figures, gives text."""

from statistics import median
from typing import Any

EVENT_CPU_US = 3.0
CALL_US = 20.0
SLEEPS_PER_S = 150.0
"""The consumer looks every 10 ms of its own accord. Woken for each event it would sleep as often as there are events."""

type Tries = list[dict[str, float]]


def report(figures: dict[str, Any]) -> str:
    """All tables, and what missed its target."""
    parts = [
        *(f"Skipped: {name}: {reason}.\n" for name, reason in figures["skipped"].items()),
        _calls(figures["calls"]),
        _streams(figures["streams"]),
        _processes(figures),
    ]
    return "\n".join(parts) + "\n" + _missed(figures)


def added(calls: dict[str, Tries], name: str, what: str = "us") -> float:
    """Microseconds that a variant adds to a call: an exchange is two. Of the quietest try of each."""
    size = name.rpartition("|")[2]
    return (_least(calls[name], what) - _least(calls[f"no probe|{size}"], what)) / 2


def _calls(calls: dict[str, Tries]) -> str:
    sizes = sorted({int(name.rpartition("|")[2]) for name in calls})
    lines = [
        f"Added to a TLS call, us by the clock / us of the application's CPU (target {CALL_US})",
        "",
        f"| variant | {' | '.join(f'{size} B' for size in sizes)} | exchange of {sizes[0]} B: least, median |",
        "|---" * (len(sizes) + 2) + "|",
    ]
    for variant in dict.fromkeys(name.rpartition("|")[0] for name in calls):
        cells = [_cell(calls, variant, size) for size in sizes]
        first = calls[f"{variant}|{sizes[0]}"]
        lines.append(f"| {variant} | {' | '.join(cells)} | {_least(first, 'us'):.1f}, {_median(first, 'us'):.1f} |")
    return "\n".join(lines) + "\n"


def _cell(calls: dict[str, Tries], variant: str, size: int) -> str:
    name = f"{variant}|{size}"
    return f"{added(calls, name):.1f} / {added(calls, name, 'cpu_us'):.1f}" if variant != "no probe" else "-"


def _streams(streams: dict[str, Tries]) -> str:
    lines = [
        f"CPU of the consumer an event, us: what came on top of its CPU without traffic (target {EVENT_CPU_US}), and all",
        "",
        "| events of a stream | a second | lost, most | on top: least, median | all: median | went to sleep, times a second |",
        "|---|---|---|---|---|---|",
    ]
    for name, tries in streams.items():
        loader, size, rate = name.split("|")
        if size == "idle":
            continue
        what = "one word" if size == "word" else f"{size} B"
        asked = f"{rate}/s" if rate != "0" else "flat out"
        lost = max(each["lost"] for each in tries)
        own = "event_cpu_us" in tries[0]
        top = f"{_least(tries, 'event_cpu_us'):.2f}, {_median(tries, 'event_cpu_us'):.2f}" if own else ""
        sleeps = f"{_median(tries, 'sleeps_per_s'):.0f}" if own else ""
        told = f"{100 * lost:.1f} %" if lost else "0"
        cells = [f"{_median(tries, 'rate'):.0f}", told, top, f"{_median(tries, 'cpu_us'):.2f}", sleeps]
        lines.append(f"| {loader}, {what}, {asked} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _processes(figures: dict[str, Any]) -> str:
    memory: dict[str, Tries] = figures["memory"]
    loaders = list(memory)
    lines = [f"| Loader, median | {' | '.join(loaders)} |", "|---" * (len(loaders) + 1) + "|"]
    lines += [
        f"| {name} | {' | '.join(f'{_median(memory[each], name):.1f}' for each in loaders)} |"
        for name in memory[loaders[0]][0]
    ]
    idle = (f"{100 * _median(figures['streams'][f'{each}|idle|'], 'cpu_share'):.2f}" for each in loaders)
    lines.append(f"| CPU without traffic, % of a core | {' | '.join(idle)} |")
    lost = (f"{100 * max(each['lost'] for each in figures['ending'][loader]):.1f}" for loader in loaders)
    lines.append(f"| records of a stream lost while other processes end, most, % | {' | '.join(lost)} |")
    return "\n".join(lines) + "\n"


def _missed(figures: dict[str, Any]) -> str:
    calls, streams = figures["calls"], figures["streams"]
    missed = [name for name in calls if name.startswith("core") and added(calls, name) > CALL_US]
    for name, tries in streams.items():
        loader, size, rate = name.split("|")
        if loader != "core" or size == "idle":
            continue
        if size == "word" and rate == "5000" and _median(tries, "event_cpu_us") > EVENT_CPU_US:
            missed.append(f"{name}: CPU")
        if _median(tries, "sleeps_per_s") > SLEEPS_PER_S:
            missed.append(f"{name}: sleeps")
    return f"Missed: {', '.join(missed)}.\n" if missed else "Every target is met.\n"


def _least(tries: Tries, what: str) -> float:
    return min(each[what] for each in tries)


def _median(tries: Tries, what: str) -> float:
    return median(each[what] for each in tries)
