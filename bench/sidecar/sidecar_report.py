"""Figures as tables. Knows the goals, and what the injector gives a sidecar by default."""

from statistics import median
from typing import Any

from tokmeter.inject import Injection

READY_S = 2.0
"""Seconds until a compiled sidecar is ready: the application waits for it."""
SUFFIXES = {"Mi": 1, "Gi": 1024}


def report(figures: dict[str, Any]) -> str:
    """All tables."""
    lines = [f"Ready after its start (goal with compiled bytecode: at most {READY_S:g} s in the median):", ""]
    lines += [
        "| environment | bytecode | starts | median s | most s | median CPU s | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in figures.items():
        for kind, rows in found["starts"].items():
            seconds, computing = ([row[i] for row in rows] for i in range(2))
            goal = "" if kind != "compiled" else ("met" if median(seconds) <= READY_S else "**missed**")
            lines.append(
                f"| {name} | {kind} | {len(rows)} | {median(seconds):.2f} | {max(seconds):.2f} "
                f"| {median(computing):.2f} | {goal} |"
            )
    request, limit = default_mb()
    lines += [
        "",
        f"Resident in MB (goals: at most the request of {request} after exchanges, at no time the limit of {limit}):",
        "",
    ]
    lines += [
        "| environment | after | resident | anonymous | of files | peak meanwhile | goal |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, found in figures.items():
        for row in found["memory"]:
            usual = "streams" not in row["after"]
            met = row["peak"] <= limit and (not usual or row["resident"] <= request)
            lines.append(
                f"| {name} | {row['after']} | {row['resident']:.0f} | {row['anonymous']:.0f} | {row['of files']:.0f} "
                f"| {row['peak']:.0f} | {'met' if met else '**missed**'} |"
            )
    return "\n".join([*lines, ""])


def default_mb() -> tuple[int, int]:
    """Memory that a sidecar requests, and may use, where nobody says otherwise."""
    resources = Injection(image="-").resources
    return _mebibytes(resources.requests.memory), _mebibytes(resources.limits.memory)


def _mebibytes(quantity: str | None) -> int:
    if quantity is None:
        raise ValueError("the sidecar has no such amount by default")
    return int(quantity[:-2]) * SUFFIXES[quantity[-2:]]
