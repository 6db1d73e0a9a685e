"""The tables of the wire benchmark and its targets. Pure: takes figures, gives text."""

from typing import Any

EXCHANGE_US = 15.0
EVENT_US = 1.5
GB_PER_S = 1.0
STREAM_KB = 64.0
FLAT_MB = 1.0


def report(figures: dict[str, Any]) -> str:
    """All tables, each with the target it is held against."""
    memory = figures["memory"]
    parts = [
        _compared(figures["us"], "exchange", f"Exchange of 2 KB from request to entry, us (target {EXCHANGE_US})"),
        _compared(figures["us"], "event", f"Event of a stream, fed alone, us (target {EVENT_US})"),
        _compared(figures["us"], "event in 16 KB", "Event of a stream, fed in pieces of 16 KB, us"),
        _plain(figures["gb_per_s"], f"Large replies in pieces of 64 KB, GB/s (target {GB_PER_S})"),
        _plain(memory, f"Memory (targets {STREAM_KB} KB a stream, {FLAT_MB} MB)"),
    ]
    return "\n".join(parts) + "\n" + _missed(figures)


def _compared(us: dict[str, float], kind: str, title: str) -> str:
    rows: dict[str, dict[str, float]] = {}
    for name, value in us.items():
        which, dialect, contender = name.split("|")
        if which == kind:
            rows.setdefault(dialect, {})[contender] = value
    columns = sorted({each for row in rows.values() for each in row}, key=lambda each: (each != "tokmeter", each))
    lines = [f"| {title} | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for dialect, row in rows.items():
        lines.append(f"| {dialect} | {' | '.join(f'{row[each]:.2f}' if each in row else '' for each in columns)} |")
    return "\n".join(lines) + "\n"


def _plain(values: dict[str, float], title: str) -> str:
    return (
        "\n".join([f"| {title} | |", "|---|---|", *(f"| {name} | {value} |" for name, value in values.items())]) + "\n"
    )


def _missed(figures: dict[str, Any]) -> str:
    us, memory, scan = figures["us"], figures["memory"], figures["gb_per_s"]
    own = {name: value for name, value in us.items() if name.endswith("|tokmeter")}
    missed = [name for name, value in own.items() if name.startswith("exchange|") and value > EXCHANGE_US]
    missed += [name for name, value in own.items() if name.startswith("event|") and value > EVENT_US]
    missed += [f"scan|{name}" for name, value in scan.items() if value < GB_PER_S]
    missed += [name for name, value in memory.items() if value > (STREAM_KB if name.startswith("KB") else FLAT_MB)]
    return f"Missed: {', '.join(missed)}.\n" if missed else "Every target is met.\n"
