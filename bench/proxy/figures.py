"""What the runs of the proxy benchmark say: medians, ratios, targets. Pure: reads rows, touches nothing."""

import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

CONTENDERS = ("direct", "stock", "unmetered", "tokmeter")


@dataclass(frozen=True, slots=True)
class Row:
    """One run of the load client against one contender."""

    round: int
    load: str
    contender: str
    result: dict[str, Any]

    def to_json(self) -> str:
        """The row on one line."""
        return json.dumps(asdict(self))


type Figure = Callable[[list[Row], str], list[float]]


def _field(load: str, field: str, *, scale: float = 1.0) -> Figure:
    def figure(rows: list[Row], contender: str) -> list[float]:
        return [row.result[field] * scale for row in rows if (row.load, row.contender) == (load, contender)]

    return figure


def _cpu(load: str, per: str) -> Figure:
    def figure(rows: list[Row], contender: str) -> list[float]:
        seconds, units = _field(load, "cpu_s")(rows, contender), _field(load, per)(rows, contender)
        return [1e6 * each / unit for each, unit in zip(seconds, units, strict=True)]

    return figure


CPU_REQUEST = "CPU per request, us"
CPU_EVENT = "CPU per SSE event, us"
TTFT = "TTFT p50 of streams, us"
RSS = "RSS, MB"
FIGURES: dict[str, Figure] = {
    CPU_REQUEST: _cpu("unary", "requests"),
    CPU_EVENT: _cpu("stream", "events"),
    "p50 at c=16, us": _field("unary", "p50_us"),
    "p99 at c=16, us": _field("unary", "p99_us"),
    "p50 at 40 req/s, us": _field("paced", "p50_us"),
    "p99 at 40 req/s, us": _field("paced", "p99_us"),
    TTFT: _field("stream", "ttft_p50_us"),
    RSS: _field("stream", "rss_kb", scale=1 / 1024),
}


def _ratio(rows: list[Row], figure: str, other: str) -> float:
    """The median of tokmeter's share of `other`, taken round by round: both saw the same noise."""
    own, theirs = FIGURES[figure](rows, "tokmeter"), FIGURES[figure](rows, other)
    return statistics.median(mine / its for mine, its in zip(own, theirs, strict=True))


def table(rows: list[Row]) -> str:
    """Medians over the rounds, and ratios to stock and to tokmeter with an unmetered host."""
    lines = ["| figure | " + " | ".join(CONTENDERS) + " | tokmeter / stock | tokmeter / unmetered |"]
    lines.append("|---|" + "---|" * (len(CONTENDERS) + 2))
    for name, figure in FIGURES.items():
        medians = [statistics.median(figure(rows, contender)) for contender in CONTENDERS]
        shown = [f"{median:.1f}" if median else "-" for median in medians]
        ratios = [f"{_ratio(rows, name, other):.2f}" for other in ("stock", "unmetered")]
        lines.append(f"| {name} | {' | '.join(shown + ratios)} |")
    return "\n".join(lines) + "\n"


def targets(rows: list[Row]) -> str:
    """Each target with what was reached."""
    rss = FIGURES[RSS](rows, "tokmeter")
    reached = [
        ("CPU per request, of stock", _ratio(rows, CPU_REQUEST, "stock"), 0.45),
        ("CPU per SSE event, of stock with an empty tap", _ratio(rows, CPU_EVENT, "stock"), 1.1),
        ("CPU per SSE event, of tokmeter without a tap", _ratio(rows, CPU_EVENT, "unmetered"), 1.1),
        ("TTFT, of stock", _ratio(rows, TTFT, "stock"), 1.0),
        ("RSS at the end, MB", rss[-1], 110.0),
        ("RSS growth from the first round to the last, MB", rss[-1] - rss[0], 5.0),
    ]
    lines = ["| target | at most | reached | met |", "|---|---|---|---|"]
    lines += [
        f"| {name} | {most:g} | {value:.2f} | {'yes' if value <= most else 'no'} |" for name, value, most in reached
    ]
    return "\n".join(lines) + "\n"


def check_replies(rows: list[Row]) -> None:
    """End the program unless every contender answered every request with the same bytes."""
    for load in {row.load for row in rows}:
        results = [row.result for row in rows if row.load == load]
        digests = {result["digest"] for result in results}
        failed = sum(result["failed"] for result in results)
        if len(digests) != 1 or failed:
            sys.exit(f"{load}: replies differ ({digests}) or failed ({failed})")
