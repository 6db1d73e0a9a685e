"""One engine in one process on one core: carries out commands and answers with figures, a line of JSON each.

    python token_worker.py ENGINE FOLDER CORE

After `fork` a child answers instead, until it is told to exit: it has what was imported before, and nothing else.
Times are CPU time of the whole process, so that neither neighbours on the machine nor threads of the engine hide anything.
"""

import ctypes
import gc
import hashlib
import json
import os
import sys
import time
from array import array
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import token_corpora
from token_engines import ENGINES, Count, Ids

PASS_BYTES = 10_240
WARM_NS = 20_000_000
"""A cell is measured for this long, in whole passes."""
HEAVY_BYTES = 131_072
"""As much of a cell's text is enough for an engine that is very slow."""
FIRST_BYTES = 1_024
IDS_CHARACTERS = 100_000


class Worker:
    """The engine, the texts, and what can be asked."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.engine = ENGINES[engine]
        self.folder = folder
        self.slices: dict[tuple[str, int], list[str]] = {}
        self.count: Count = len
        self.ids: Ids | None = None

    def text(self, corpus: str, part: str) -> str:
        """One part of a corpus."""
        return (self.folder / "text" / f"{corpus}.{part}").read_bytes().decode()

    def warm(self, corpus: str, size: int) -> list[str]:
        """The warm part in slices, always the same objects, as texts that are counted again and again are."""
        if (corpus, size) not in self.slices:
            slices = token_corpora.slices(self.text(corpus, "warm"), size)
            if self.engine.heavy:
                slices = slices[: max(1, HEAVY_BYTES // size)]
            self.slices[corpus, size] = slices
        return self.slices[corpus, size]

    def imported(self) -> dict[str, float]:
        """Import the engine; milliseconds."""
        begin = time.process_time_ns()
        for module in self.engine.modules:
            import_module(module)
        return {"ms": (time.process_time_ns() - begin) / 1e6}

    def load(self, encoding: str) -> dict[str, float]:
        """Load one encoding's tokenizer; milliseconds."""
        begin = time.process_time_ns()
        self.count, self.ids = self.engine.load(encoding, self.folder)
        return {"ms": (time.process_time_ns() - begin) / 1e6}

    def first(self) -> dict[str, float]:
        """The first call ever, on one kilobyte; milliseconds."""
        text = self.text("english", "warm")[:FIRST_BYTES]
        begin = time.process_time_ns()
        self.count(text)
        return {"ms": (time.process_time_ns() - begin) / 1e6}

    def one_pass(self, corpus: str, part: str) -> dict[str, float | str]:
        """A part, once, in slices; milliseconds, megabytes, and the digest of all counts."""
        return self._counted(token_corpora.slices(self.text(corpus, part), PASS_BYTES))

    def history(self) -> dict[str, float | str]:
        """The same of the requests of one conversation, in order."""
        return self._counted(self.text("json", "history").split("\0"))

    def _counted(self, texts: list[str]) -> dict[str, float | str]:
        count = self.count
        begin = time.process_time_ns()
        counts = [count(text) for text in texts]
        spent = time.process_time_ns() - begin
        volume = sum(len(text.encode()) for text in texts)
        return {"mb": volume / 1e6, "ms": spent / 1e6, "counts": digest(counts)}

    def cell(self, corpus: str, size: int) -> dict[str, float]:
        """The warm part in slices of `size`, in as many passes as time allows; MB/s and microseconds a call."""
        slices = self.warm(corpus, size)
        volume = sum(len(text.encode()) for text in slices)
        count = self.count
        spent: list[int] = []
        until = time.process_time_ns() + WARM_NS
        while not spent or time.process_time_ns() < until:
            begin = time.process_time_ns()
            for text in slices:
                count(text)
            spent.append(time.process_time_ns() - begin)
        # After another engine's turn the first pass finds foreign caches.
        kept = spent[1:] or spent
        mean = sum(kept) / len(kept)
        return {"mb_per_s": volume * 1e3 / mean, "us": mean / len(slices) / 1e3}

    def touch(self) -> dict[str, dict[str, float]]:
        """Each kind of run, once: milliseconds and tokens. A kind that the engine cannot count has none."""
        found: dict[str, dict[str, float]] = {}
        for name, text in token_corpora.runs().items():
            begin = time.process_time_ns()
            try:
                tokens = self.count(text)
            except BaseException as error:  # noqa: BLE001 - tiktoken's panics are not Exceptions
                print(f"{self.engine.package}: {name}: {error!r}"[:200], file=sys.stderr)
                continue
            found[name] = {"ms": (time.process_time_ns() - begin) / 1e6, "tokens": tokens}
        return found

    def verify(self, corpus: str) -> dict[str, str | None]:
        """Digests of the counts of slices of the warm part and of the ids of its beginning, to compare with the reference's."""
        text = self.text(corpus, "warm")
        return {
            "counts": digest(map(self.count, token_corpora.slices(text, PASS_BYTES))),
            "ids": digest(self.ids(text[:IDS_CHARACTERS])) if self.ids else None,
        }

    def memory(self, encoding: str) -> dict[str, float]:
        """Megabytes more than before loading: when loaded, and when all corpora are counted."""
        texts = [
            text
            for corpus in token_corpora.CORPORA
            for part in ("warm", "unseen")
            for text in token_corpora.slices(self.text(corpus, part), PASS_BYTES)
        ]
        for text in texts:
            # What Python keeps beside a text that is read as UTF-8 is no engine's memory.
            ctypes.pythonapi.PyUnicode_AsUTF8AndSize(ctypes.py_object(text), ctypes.byref(ctypes.c_ssize_t()))
        before = resident()
        self.load(encoding)
        loaded = resident()
        for text in texts:
            self.count(text)
        return {"load_mb": (loaded - before) / 1e6, "all_mb": (resident() - before) / 1e6}


def digest(numbers: Iterable[int]) -> str:
    """SHA-256 of counts or ids."""
    return hashlib.sha256(array("I", numbers).tobytes()).hexdigest()


def resident() -> int:
    """Resident bytes of this process."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def main() -> None:
    """Carry out commands until there are no more."""
    engine, folder, core = sys.argv[1:]
    os.sched_setaffinity(0, {int(core)})
    gc.disable()
    # What engines print is no answer.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    worker = Worker(engine, Path(folder))
    for line in sys.stdin:
        command: list[Any] = json.loads(line)
        if command == ["fork"]:
            child = os.fork()
            if child and os.waitpid(child, 0)[1]:
                sys.exit("a child ended by itself")
            # The child says that it is there; the parent, that it is again.
            answers.write("{}\n")
            continue
        if command == ["exit"]:
            os._exit(0)
        asked: Callable[..., dict[str, Any]] = getattr(worker, command[0])
        try:
            answer = asked(*command[1:])
        except BaseException as error:  # noqa: BLE001 - whatever a peer raises, panics among it, is its answer
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
