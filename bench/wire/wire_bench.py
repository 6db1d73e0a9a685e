"""Times one exchange, one event and what others do for the same, in CPU time of this one thread, interleaved.

Runs inside the environment that has the release wheel; `run.py` starts it there.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from wire_inputs import EVENTS, STREAMS, UNARY, Input, stream, unary
from wire_peers import of_document, of_stream, parsers

from tokmeter._core import Attribution, Budget, Exchange, Meter, PriceBook, Request

HERE = Path(__file__).resolve().parent
NOW = 1_794_268_800_000_000_000
UNARY_TIMES = 200
STREAM_TIMES = 3
CHUNK_BYTES = 16_384
PEER_STREAMS = ("openai chat", "openai responses", "anthropic", "gemini, SSE")
PEER_DOCUMENTS = ("openai chat", "openai responses", "anthropic", "gemini", "bedrock converse", "mistral")

type Work = Callable[[], int]
"""Does something many times; how many."""


def exchange_of(meter: Meter, given: Input) -> Exchange:
    """A new exchange, answered."""
    request = Request(
        method=given.method, host=given.host, port=given.port, path=given.path, headers=given.headers, body=given.body
    )
    exchange = meter.open(request, Attribution(), NOW)
    if exchange is None:
        raise ValueError(given.name)
    exchange.respond(200, given.reply_headers)
    return exchange


def whole(meter: Meter, given: Input) -> Work:
    """Exchanges from request to entry, the reply in one piece."""
    reply = b"".join(given.pieces)

    def work() -> int:
        for _ in range(UNARY_TIMES):
            exchange = exchange_of(meter, given)
            exchange.feed(reply, NOW)
            exchange.close("complete", NOW)
        return UNARY_TIMES

    return work


def fed(meter: Meter, given: Input, pieces: list[bytes]) -> Callable[[], tuple[float, int]]:
    """CPU time of feeding `pieces`, which hold `EVENTS` events, without opening and closing."""

    def timed() -> tuple[float, int]:
        spent = 0
        for _ in range(STREAM_TIMES):
            exchange = exchange_of(meter, given)
            start = time.thread_time_ns()
            for piece in pieces:
                exchange.feed(piece, NOW)
            spent += time.thread_time_ns() - start
            exchange.close("client_gone", NOW)
        return spent / 1000, STREAM_TIMES * EVENTS

    return timed


def timed(work: Work) -> Callable[[], tuple[float, int]]:
    """CPU time of `work` in microseconds, and how often it was done."""

    def run() -> tuple[float, int]:
        start = time.thread_time_ns()
        times = work()
        return (time.thread_time_ns() - start) / 1000, times

    return run


def peer(read: Callable[[], object]) -> Work:
    """What somebody else does, many times."""

    def work() -> int:
        for _ in range(UNARY_TIMES // 20):
            read()
        return UNARY_TIMES // 20

    return work


def in_chunks(pieces: list[bytes]) -> list[bytes]:
    """The same bytes as a network brings them when it is not waited for each event."""
    joined = b"".join(pieces)
    return [joined[at : at + CHUNK_BYTES] for at in range(0, len(joined), CHUNK_BYTES)]


def counts(meter: Meter, given: Input) -> tuple[int | None, int | None]:
    """What the meter reads of an exchange."""
    exchange = exchange_of(meter, given)
    for piece in given.pieces:
        exchange.feed(piece, NOW)
    entry = exchange.close("complete", NOW)
    usage = json.loads(entry.to_replay_json(0))["usage"] if entry else {}
    return usage.get("input_tokens"), usage.get("output_tokens")


def contenders(meter: Meter) -> dict[str, Callable[[], tuple[float, int]]]:
    """Everything that is timed, by the name of its figure. Peers must have read the same counts."""
    found: dict[str, Callable[[], tuple[float, int]]] = {}
    documents = {name: unary(name) for name in UNARY}
    streams = {name: stream(name) for name in STREAMS}
    for name, given in documents.items():
        found[f"exchange|{name}|tokmeter"] = timed(whole(meter, given))
    for name, given in streams.items():
        found[f"event|{name}|tokmeter"] = fed(meter, given, given.pieces)
        found[f"event in 16 KB|{name}|tokmeter"] = fed(meter, given, in_chunks(given.pieces))
    for parser, loads in parsers().items():
        for name in PEER_DOCUMENTS:
            given = documents[name]
            body = b"".join(given.pieces)
            if of_document(loads, body) != counts(meter, given):
                sys.exit(f"{parser} reads {of_document(loads, body)} of {name}, the meter {counts(meter, given)}")

            def document(body: bytes = body, loads: Callable[[bytes], object] = loads) -> object:
                return of_document(loads, body)

            found[f"exchange|{name}|{parser}"] = timed(peer(document))
        for name in PEER_STREAMS:
            given = streams[name]
            stated = of_stream(loads, given.pieces)
            if None not in stated and stated != counts(meter, given):
                sys.exit(f"{parser} reads {stated} of {name}, the meter {counts(meter, given)}")

            def events(
                pieces: list[bytes] = given.pieces, loads: Callable[[bytes], object] = loads
            ) -> tuple[float, int]:
                start = time.thread_time_ns()
                of_stream(loads, pieces)
                return (time.thread_time_ns() - start) / 1000, EVENTS

            found[f"event|{name}|{parser}"] = events
    return found


def main() -> None:
    """Run the rounds and print the figures as JSON."""
    rounds = int(sys.argv[1])
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    budget = Budget("bench", scope=[], usd="1000000", period="day")
    meter = Meter(price_book=PriceBook.embedded(), budgets=[budget], seed=bytes(16))
    found = contenders(meter)
    samples: dict[str, list[float]] = {name: [] for name in found}
    order = random.Random(rounds)  # noqa: S311 - shuffles rounds, guards nothing
    for _ in range(rounds):
        for name in order.sample(list(found), len(found)):
            spent, times = found[name]()
            samples[name].append(spent / times)
    memory = subprocess.run([sys.executable, str(HERE / "wire_memory.py")], capture_output=True, text=True, check=True)
    figures = {name: round(statistics.median(each), 2) for name, each in samples.items()}
    print(json.dumps({"us": figures, "memory": json.loads(memory.stdout)}))


if __name__ == "__main__":
    main()
