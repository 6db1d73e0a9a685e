"""Figures as a table. Knows the goals."""

from statistics import median
from typing import Any

GOAL_MS = 20.0


def quantile(values: list[float], share: float) -> float:
    """By nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def report(figures: dict[str, Any]) -> str:
    """The table, and what stands beside it."""
    lines = [
        f"Answered within (goal: p99 of a pod of 1 MB at most {GOAL_MS:g} ms with up to two callers):",
        "",
        "| pod | bytes | callers at once | p50 ms | p99 ms | least p99 of a round | CPU ms | goal |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, rounds in sorted(figures["ms"].items()):
        kind, callers = name.rsplit(" x", 1)
        every = [each for one in rounds for each in one]
        p99, best = quantile(every, 0.99), min(quantile(one, 0.99) for one in rounds)
        goal = "" if int(callers) > 2 else ("met" if p99 <= GOAL_MS else "**missed**")
        lines.append(
            f"| {kind} | {figures['bytes'][kind]} | {callers} | {median(every):.1f} | {p99:.1f} | {best:.1f} "
            f"| {median(figures['cpu_ms'][name]):.1f} | {goal} |"
        )
    lines += [
        "",
        f"Ready {figures['ready_s']:.1f} s after its start, most of it for importing the client of Kubernetes.",
        f"Resident: {figures['memory_mb']:.0f} MB then, {figures['memory_after_mb']:.0f} MB at the end.",
        "",
    ]
    return "\n".join(lines)
