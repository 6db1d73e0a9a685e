"""Memory in a process of its own: what an open stream takes, and what a reply of 100 MB leaves. Prints one JSON object."""

import json
from pathlib import Path

from wire_inputs import Input, stream, unary

from tokmeter._core import Attribution, Exchange, Meter, PriceBook, Request

STREAMS = 2000
STREAM_BYTES = 200_000
LARGE_BYTES = 100_000_000
NOW = 1_794_268_800_000_000_000


def resident() -> int:
    """Resident bytes of this process."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(status.partition("VmRSS:")[2].split()[0])


def begun(meter: Meter, given: Input) -> Exchange:
    """The exchange of `given`, answered."""
    request = Request(
        method=given.method, host=given.host, port=given.port, path=given.path, headers=given.headers, body=given.body
    )
    exchange = meter.open(request, Attribution(), NOW)
    if exchange is None:
        raise ValueError(given.name)
    exchange.respond(200, given.reply_headers)
    return exchange


def main() -> None:
    """Measure both."""
    meter = Meter(price_book=PriceBook.embedded(), seed=bytes(16))
    streams = {name: stream(name) for name in ("openai chat", "anthropic", "bedrock, event stream", "ollama, NDJSON")}
    # Tables that are loaded once belong to nobody.
    for given in streams.values():
        exchange = begun(meter, given)
        for piece in given.pieces:
            exchange.feed(piece, NOW)
        exchange.close("client_gone", NOW)
    figures: dict[str, float] = {}
    for name, given in streams.items():
        event = given.pieces[len(given.pieces) // 2]
        chunk = event * (16_384 // len(event) + 1)
        before = resident()
        open_streams = [begun(meter, given) for _ in range(STREAMS)]
        for exchange in open_streams:
            for piece in given.pieces[:1] + [chunk] * (STREAM_BYTES // len(chunk) + 1):
                exchange.feed(piece, NOW)
        figures[f"KB an open stream, {name}"] = round((resident() - before) / STREAMS / 1024, 1)
        for exchange in open_streams:
            exchange.close("client_gone", NOW)
    given = unary("openai chat")
    piece = b"It is so, and it was so before. " * 2048
    before, most = resident(), 0
    exchange = begun(meter, given)
    exchange.feed(b'{"choices":[{"message":{"content":"', NOW)
    for _ in range(LARGE_BYTES // len(piece)):
        exchange.feed(piece, NOW)
        most = max(most, resident() - before)
    exchange.close("complete", NOW)
    figures["MB more while a reply of 100 MB passes"] = round(most / 1e6, 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
