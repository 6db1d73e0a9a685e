"""The tables of the tokenizer benchmark and its goals. Pure: takes figures, gives text."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass

type Figures = dict[str, dict[int, float]]
"""Figures by name (`kind|encoding|...|engine`) and round."""

OWN = "tokmeter"
REFERENCE = "tiktoken"
RIVALS = ("gigatoken", "fastokens")
SHARED = ("o200k_base", "cl100k_base")
LATIN = ("english", "code", "json")
CORPORA = (*LATIN, "chinese")
SIZES = {1_024: "1 KB", 10_240: "10 KB", 102_400: "100 KB", 1_000_000: "1 MB"}


@dataclass(frozen=True)
class Goal:
    """One target and what it is held against."""

    what: str
    bound: float
    unit: str
    figures: dict[str, float]
    at_least: bool

    def missed(self) -> dict[str, float]:
        """The figures on the wrong side."""
        return {
            name: value
            for name, value in self.figures.items()
            if (value < self.bound if self.at_least else value > self.bound)
        }

    def row(self) -> str:
        """A line of the table: the worst figure decides."""
        sign = "at least" if self.at_least else "at most"
        if not self.figures:
            return f"| {self.what} | {sign} {self.bound:g} {self.unit} | not measured | |"
        ranked = sorted(self.figures.items(), key=lambda item: item[1], reverse=not self.at_least)
        name, worst = ranked[0]
        missed = self.missed()
        verdict = f"**missed** ({len(missed)} of {len(self.figures)})" if missed else "met"
        return f"| {self.what} | {sign} {self.bound:g} {self.unit} | {worst:.2f} ({name}) | {verdict} |"


def median(figures: Figures, name: str) -> float | None:
    """The median over the rounds, if there are any."""
    return statistics.median(figures[name].values()) if figures.get(name) else None


def ratio(figures: Figures, name: str, others: Iterable[str]) -> float | None:
    """The median over the rounds of one figure divided by the largest of the others in the same round."""
    own = figures.get(name, {})
    found = []
    beside = [figures.get(other, {}) for other in others]
    for turn, figure in own.items():
        rivals = [each[turn] for each in beside if turn in each]
        if rivals:
            found.append(figure / max(rivals))
    return statistics.median(found) if found else None


def goals(figures: Figures) -> list[Goal]:
    """What is aimed at."""
    latin = {
        f"{corpus} {label}, {encoding}": value
        for encoding in SHARED
        for corpus in LATIN
        for size, label in SIZES.items()
        if (value := _lead(figures, f"warm|{encoding}|{corpus}|{size}")) is not None
    }
    chinese = {
        f"{label}, {encoding}": value
        for encoding in SHARED
        for size, label in SIZES.items()
        if (value := _lead(figures, f"warm|{encoding}|chinese|{size}")) is not None
    }
    leads = {
        kind: {
            f"{corpus}, {encoding}": value
            for encoding in SHARED
            for corpus in CORPORA
            if (value := _lead(figures, f"{kind}|{encoding}|{corpus}")) is not None
        }
        for kind in ("cold", "unseen")
    }
    faster = "x the faster of " + " and ".join(RIVALS)
    return [
        Goal("English, code, JSON, warm", 1.8, faster, latin, at_least=True),
        Goal("Chinese, warm", 2, faster, chinese, at_least=True),
        Goal("first megabyte of a new process", 3, faster, leads["cold"], at_least=True),
        Goal("unseen text after other text", 3, faster, leads["unseen"], at_least=True),
        Goal("call with 1 KB", 1.5, "us", _own(figures, "us", ("1024",)), at_least=False),
        Goal("first call, 1 KB, once loaded", 1, "ms", _own(figures, "first", ()), at_least=False),
        Goal("1 MB of one letter", 15, "ms", _own(figures, "touch", ("one letter",)), at_least=False),
        Goal("1 MB of random letters", 70, "ms", _own(figures, "touch", ("random letters",)), at_least=False),
        Goal("memory of one encoding", 20, "MB", _own(figures, "all_mb", ()), at_least=False),
    ]


def _lead(figures: Figures, prefix: str) -> float | None:
    return ratio(figures, f"{prefix}|{OWN}", [f"{prefix}|{rival}" for rival in RIVALS])


def _own(figures: Figures, kind: str, having: tuple[str, ...]) -> dict[str, float]:
    """Our medians of one kind whose names have these words."""
    found = {}
    for name in figures:
        words = name.split("|")
        value = median(figures, name)
        if words[0] == kind and words[-1] == OWN and all(word in words for word in having) and value is not None:
            found[", ".join(word for word in words[1:-1] if word not in having)] = value
    return found


def report(figures: Figures, engines: list[str], encodings: list[str]) -> str:
    """All tables, then the goals."""
    parts = []
    for encoding in encodings:
        parts += [_warm(figures, engines, encoding, corpus) for corpus in CORPORA]
        parts += [_fresh(figures, engines, encoding), _runs(figures, engines, encoding)]
    parts.append(_memory(figures, engines, encodings))
    parts.append(verdict(figures))
    return "\n".join(part for part in parts if part)


def verdict(figures: Figures) -> str:
    """Every goal, met or missed."""
    held = goals(figures)
    lines = ["| goal | | worst | |", "|---|---|---|---|", *(goal.row() for goal in held)]
    missed = [
        f"- {goal.what}: " + ", ".join(f"{value:.2f} ({name})" for name, value in goal.missed().items())
        for goal in held
        if goal.missed()
    ]
    closing = "\n".join(["Missed:", "", *missed]) if missed else "Every goal that was measured is met."
    return "\n".join(lines) + f"\n\n{closing}\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _compared(figures: Figures, prefix: str, engine: str) -> str:
    """MB/s, and in brackets the ratio to the reference."""
    value = median(figures, f"{prefix}|{engine}")
    if value is None:
        return ""
    against = ratio(figures, f"{prefix}|{engine}", [f"{prefix}|{REFERENCE}"])
    return f"{value:.4g}" + (f" ({against:.3g})" if against is not None and engine != REFERENCE else "")


def _rows(engines: list[str], cells: dict[str, list[str]]) -> list[list[str]]:
    return [[engine, *cells[engine]] for engine in engines if any(cells[engine])]


def _leads(figures: Figures, prefixes: list[str]) -> list[str]:
    return ["" if (value := _lead(figures, prefix)) is None else f"**{value:.2f}**" for prefix in prefixes]


def _warm(figures: Figures, engines: list[str], encoding: str, corpus: str) -> str:
    prefixes = [f"warm|{encoding}|{corpus}|{size}" for size in SIZES]
    cells = {engine: [_compared(figures, prefix, engine) for prefix in prefixes] for engine in engines}
    for engine, row in cells.items():
        call = median(figures, f"us|{encoding}|{corpus}|1024|{engine}")
        row.append("" if call is None else f"{call:.2f}")
    rows = _rows(engines, cells)
    leads = _leads(figures, prefixes)
    if any(leads):
        rows.append([f"{OWN} / faster of {', '.join(RIVALS)}", *leads, ""])
    head = f"{encoding}, {corpus}, warm: MB/s (x {REFERENCE})"
    return _table([head, *SIZES.values(), "us a call of 1 KB"], rows)


def _fresh(figures: Figures, engines: list[str], encoding: str) -> str:
    kinds = [*((kind, corpus) for kind in ("cold", "unseen") for corpus in CORPORA), ("history", "json")]
    prefixes = [f"{kind}|{encoding}|{corpus}" for kind, corpus in kinds]
    cells = {}
    for engine in engines:
        row = []
        for kind in ("import", "load", "first"):
            names = [n for n in figures if n.startswith(f"{kind}|") and n.endswith(f"|{engine}")]
            names = [n for n in names if kind == "import" or f"|{encoding}|" in n]
            values = [value for name in names for value in figures[name].values()]
            row.append(f"{statistics.median(values):.4g}" if values else "")
        row += [_compared(figures, prefix, engine) for prefix in prefixes]
        cells[engine] = row if any(row[1:]) else []
    rows = _rows(engines, cells)
    leads = _leads(figures, prefixes)
    if any(leads):
        rows.append([f"{OWN} / faster of {', '.join(RIVALS)}", "", "", "", *leads])
    head = [f"{encoding}, new process: MB/s (x {REFERENCE})", "import, ms", "load, ms", "first call, ms"]
    head += [f"{'first megabyte' if kind == 'cold' else 'unseen'}, {corpus}" for kind, corpus in kinds[:-1]]
    return _table([*head, "growing chat history"], rows)


def _runs(figures: Figures, engines: list[str], encoding: str) -> str:
    kinds = list(dict.fromkeys(name.split("|")[2] for name in figures if name.startswith(f"touch|{encoding}|")))
    cells = {}
    for engine in engines:
        values = [median(figures, f"touch|{encoding}|{kind}|{engine}") for kind in kinds]
        cells[engine] = ["" if value is None else f"{value:.4g}" for value in values]
    return _table([f"{encoding}, 1 MB of one kind, first touch: ms", *kinds], _rows(engines, cells))


def _memory(figures: Figures, engines: list[str], encodings: list[str]) -> str:
    cells = {}
    for engine in engines:
        row = []
        for encoding in encodings:
            loaded, everything = (median(figures, f"{kind}|{encoding}|{engine}") for kind in ("load_mb", "all_mb"))
            row.append("" if loaded is None or everything is None else f"{loaded:.1f}, {everything:.1f}")
        cells[engine] = row
    return _table(
        ["resident memory: MB once loaded, MB once 8 MB of text are counted", *encodings], _rows(engines, cells)
    )
