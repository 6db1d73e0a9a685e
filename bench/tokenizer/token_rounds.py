"""The rounds: which engine is asked what, in which order. Knows neither how engines work nor how figures look.

Engines take turns inside every round, in shuffled order, so that whatever slows the machine slows all of them.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from token_corpora import CORPORA
from token_engines import ENGINES, OWN, OWN_ENCODINGS, REFERENCE, SHARED_ENCODINGS
from token_process import EngineError, Process

SIZES = (1_024, 10_240, 102_400, 1_000_000)
REFERENCES = dict.fromkeys(SHARED_ENCODINGS, REFERENCE) | {"tekken": "mistral-common"}
"""Who counts right. The tests of the repository hold the other encodings."""
HEAVY_ROUNDS = 3
"""Engines that are very slow take part in every third round, and in one where each round is a new process."""

FRESH_ROUNDS = 3
"""One round of new processes takes as long as so many of the warm ones."""


@dataclass
class Samples:
    """What was measured: figures by name and round, and who was left out or wrong."""

    found: dict[str, dict[int, float]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    inexact: dict[str, list[str]] = field(default_factory=dict)
    compared: set[str] = field(default_factory=set)
    expected: dict[str, object] = field(default_factory=dict)

    def add(self, name: str, turn: int, figure: float) -> None:
        """Keep one figure."""
        self.found.setdefault(name, {})[turn] = figure

    def check(self, what: str, encoding: str, engine: str, given: object) -> None:
        """Compare with the reference's, which is asked first. Without a reference nothing is compared."""
        key = f"{encoding} {what}"
        if engine == REFERENCES.get(encoding) and given is not None:
            self.expected.setdefault(key, given)
        if given is None or key not in self.expected:
            return
        self.compared.add(engine)
        if given != self.expected[key] and key not in self.inexact.setdefault(engine, []):
            self.inexact[engine].append(key)
            say(f"{engine} is not exact: {key}")


@dataclass(frozen=True)
class Plan:
    """What is to be measured with."""

    pythons: Callable[[str], Path]
    folder: Path
    core: int
    rounds: int
    engines: tuple[str, ...]
    encodings: tuple[str, ...]

    def start(self, engine: str) -> Process:
        """A process that has imported the engine."""
        return Process(self.pythons(engine), engine, self.folder, self.core)


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)


def measure(plan: Plan) -> Samples:
    """Everything."""
    samples = Samples()
    present = _present(plan, samples)
    try:
        _warm(plan, samples, list(present))
        _fresh(plan, samples, present)
        _memory(plan, samples, list(present))
    finally:
        for process in present.values():
            process.end()
    return samples


def _pairs(plan: Plan, engines: list[str]) -> Iterator[tuple[str, str]]:
    """Encodings and the engines that have them, references first."""
    for encoding in plan.encodings:
        having = [engine for engine in engines if encoding in ENGINES[engine].encodings]
        for engine in sorted(having, key=lambda engine: engine != REFERENCES.get(encoding)):
            yield encoding, engine


@contextmanager
def _skipping(samples: Samples, engine: str) -> Iterator[None]:
    """An engine that fails is left out from there on, by name."""
    try:
        yield
    except EngineError as error:
        if engine == OWN:
            raise
        samples.skipped.setdefault(engine, str(error))
        say(f"skipped {engine}: {error}")


def _present(plan: Plan, samples: Samples) -> dict[str, Process]:
    """A process for each engine that can be imported; it loads no tokenizer itself."""
    present = {}
    for engine in plan.engines:
        process = plan.start(engine)
        with _skipping(samples, engine):
            samples.add(f"import|{engine}", 0, process.ask("imported")["ms"])
            present[engine] = process
        if engine not in present:
            process.end()
    return present


def _warm(plan: Plan, samples: Samples, engines: list[str]) -> None:
    """The same text again and again, in slices of each size, by processes that stay."""
    processes: dict[tuple[str, str], Process] = {}
    for encoding, engine in _pairs(plan, engines):
        with _skipping(samples, engine):
            process = plan.start(engine)
            processes[encoding, engine] = process
            process.ask("imported")
            process.ask("load", encoding)
            for corpus in CORPORA:
                for what, given in process.ask("verify", corpus).items():
                    samples.check(f"{what} of {corpus}", encoding, engine, given)
    say("counts and ids are compared")
    draw = random.Random(plan.rounds)  # noqa: S311 - shuffles rounds, guards nothing
    cells = [(encoding, corpus, size) for encoding in plan.encodings for corpus in CORPORA for size in SIZES]
    for turn in range(plan.rounds):
        for encoding, corpus, size in draw.sample(cells, len(cells)):
            taking = [engine for other, engine in processes if other == encoding and _takes_part(engine, turn)]
            for engine in draw.sample(taking, len(taking)):
                if engine in samples.skipped:
                    continue
                with _skipping(samples, engine):
                    found = processes[encoding, engine].ask("cell", corpus, size)
                    # The first round is what the machine needs to come up to speed.
                    if turn:
                        samples.add(f"warm|{encoding}|{corpus}|{size}|{engine}", turn, found["mb_per_s"])
                        samples.add(f"us|{encoding}|{corpus}|{size}|{engine}", turn, found["us"])
        say(f"warm: round {turn + 1} of {plan.rounds}")
    for process in processes.values():
        process.end()


def _takes_part(engine: str, turn: int) -> bool:
    return not ENGINES[engine].heavy or turn % HEAVY_ROUNDS == 1


def _fresh(plan: Plan, samples: Samples, present: dict[str, Process]) -> None:
    """Text that is seen for the first time, each by a process that has seen nothing before."""
    draw = random.Random(plan.rounds)  # noqa: S311 - shuffles rounds, guards nothing
    jobs = [(encoding, corpus) for encoding in plan.encodings for corpus in (*CORPORA, "runs")]
    rounds = max(1, plan.rounds // FRESH_ROUNDS)
    for turn in range(rounds):
        for encoding, corpus in draw.sample(jobs, len(jobs)):
            having = [engine for engine in present if encoding in ENGINES[engine].encodings]
            having = [engine for engine in having if not (turn and ENGINES[engine].heavy)]
            # The reference comes first while there is nothing to compare with.
            order = draw.sample(having, len(having))
            for engine in sorted(order, key=lambda engine: not turn and engine != REFERENCES.get(encoding)):
                if engine in samples.skipped:
                    continue
                with _skipping(samples, engine), present[engine].forked():
                    _job(samples, present[engine], encoding, corpus, turn)
        say(f"unseen: round {turn + 1} of {rounds}")


def _job(samples: Samples, process: Process, encoding: str, corpus: str, turn: int) -> None:
    """What one new process is asked."""
    engine = process.engine

    def add(what: str, figure: float) -> None:
        samples.add(f"{what}|{encoding}|{corpus}|{engine}", turn, figure)

    add("load", process.ask("load", encoding)["ms"])
    first: float = process.ask("first")["ms"]
    add("first", first)
    if corpus == "runs":
        for kind, found in process.ask("touch").items():
            samples.add(f"touch|{encoding}|{kind}|{engine}", turn, found["ms"])
            samples.check(f"counts of {kind}", encoding, engine, found["tokens"])
        return
    # What an engine builds when it is first called is part of what a new process waits for.
    for part, built in (("cold", first), ("warm", 0.0), ("unseen", 0.0)):
        found = process.ask("one_pass", corpus, part)
        samples.check(f"counts of {corpus}, {part}", encoding, engine, found["counts"])
        if part != "warm":
            add(part, found["mb"] * 1e3 / (found["ms"] + built))
    if corpus == "json":
        found = process.ask("history")
        samples.check("counts of the history", encoding, engine, found["counts"])
        add("history", found["mb"] * 1e3 / found["ms"])


def _memory(plan: Plan, samples: Samples, engines: list[str]) -> None:
    """What each engine keeps, in a process that did nothing else."""
    for encoding, engine in _pairs(plan, engines):
        if engine in samples.skipped or ENGINES[engine].heavy or (engine != OWN and encoding in OWN_ENCODINGS):
            continue
        with _skipping(samples, engine):
            process = plan.start(engine)
            process.ask("imported")
            found: dict[str, Any] = process.ask("memory", encoding)
            process.end()
            for what, figure in found.items():
                samples.add(f"{what}|{encoding}|{engine}", 0, figure)
