"""What others do for the same counts: parse every byte in Python and look the usage up. Knows the forms, times nothing."""

import json
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

type Loads = Callable[[bytes], Any]
type Counts = tuple[int | None, int | None]


def parsers() -> dict[str, Loads]:
    """JSON parsers of this environment, by name."""
    found: dict[str, Loads] = {"json": json.loads}
    try:
        found["orjson"] = import_module("orjson").loads
    except ModuleNotFoundError:
        print("orjson is not installed: measured without it")
    return found


def of_document(loads: Loads, body: bytes) -> Counts:
    """Input and output tokens of a whole reply."""
    return _counts(loads(body))


def of_stream(loads: Loads, pieces: Iterable[bytes]) -> Counts:
    """The same of server-sent events, with the usual loop: collect lines, parse what is data, keep what is stated last."""
    buffer = b""
    found: Counts = (None, None)
    for piece in pieces:
        buffer += piece
        while (end := buffer.find(b"\n")) >= 0:
            line, buffer = buffer[:end], buffer[end + 1 :]
            if line.startswith(b"data: ") and line != b"data: [DONE]":
                event = loads(line[6:])
                found = _later(found, _counts(event.get("response") or event.get("message") or event))
    return found


def _counts(reply: dict[str, Any]) -> Counts:
    usage = reply.get("usage") or reply.get("usageMetadata") or {}
    if "inputTokens" in usage:
        return usage["inputTokens"], usage["outputTokens"]
    if "promptTokenCount" in usage:
        return usage["promptTokenCount"], usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0)
    if "billed_units" in usage:
        return usage["billed_units"]["input_tokens"], usage["billed_units"]["output_tokens"]
    cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
    stated = usage.get("prompt_tokens", usage.get("input_tokens", reply.get("prompt_eval_count")))
    output = usage.get("completion_tokens", usage.get("output_tokens", reply.get("eval_count")))
    return None if stated is None else stated + cached, output


def _later(earlier: Counts, later: Counts) -> Counts:
    return (earlier[0] if later[0] is None else later[0], earlier[1] if later[1] is None else later[1])
