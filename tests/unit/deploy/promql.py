"""Which metrics and labels an expression speaks of. Reads names, not meaning: promtool says whether it parses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
SELECTOR = re.compile(r"\b((?:[a-z_]+:)?(?:tokmeter|kube)_[a-z0-9_]+(?::[a-z0-9_]+)?)(?:\{([^}]*)\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
GROUPING = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
# What discovery adds to every series, and what Prometheus does.
DISCOVERED = {"namespace", "pod", "instance", "job", "container"}


def metrics(expression: str) -> list[tuple[str, set[str]]]:
    """Each selector: its metric, and the labels that it matches."""
    bare = STRING.sub('""', expression)
    return [(name, set(MATCHER.findall(matchers))) for name, matchers in SELECTOR.findall(GROUPING.sub("", bare))]


def complaints(expression: str, known: Mapping[str, set[str]]) -> Iterator[str]:
    """What `expression` asks for and nothing gives."""
    asked = metrics(expression)
    if not asked:
        yield f"no metric in {expression}"
    everything = set(DISCOVERED)
    for name, labels in asked:
        if name not in known:
            yield f"no metric {name}"
        elif strange := labels - known[name] - DISCOVERED:
            yield f"{name} has no {', '.join(sorted(strange))}"
        everything |= known.get(name, set())
    bare = STRING.sub('""', expression)
    for grouping in GROUPING.finditer(bare):
        wanted = {label.strip() for label in grouping[1].split(",")} - {""}
        # `by (...)` groups what stands in the parentheses after it; `on (...)` joins both sides.
        below = everything
        if grouping[0].startswith("by"):
            inner = [known.get(name, set()) for name, _ in metrics(_parenthesis(bare[grouping.end() :]))]
            below = DISCOVERED.union(set.intersection(*inner) if inner else set())
        if strange := wanted - below:
            yield f"nothing below has {', '.join(sorted(strange))}: {expression}"


def _parenthesis(text: str) -> str:
    depth = 0
    for index, letter in enumerate(text):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == ")" and depth == 0:
            return text[: index + 1]
    return text
