"""Plain HTTP clients under `tokmeter run`: the bytes that arrive are the bytes that were sent, both ways, and are metered."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.applications import Application, Call
from tests.integration.metered import Metered, facts
from tokmeter.testing import Behaviour

URL = "https://api.openai.com/v1/chat/completions"
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-synthetic"}
APPLICATIONS = ["curl", "requests", "aiohttp", "httpx", "go", "java"]
LARGE = 20_000_000

type Find = Callable[[str], Application]


def body(path: Path, *, stream: bool = False, pad: int = 0) -> Path:
    """A request's body in a file; `pad` bytes of it are of no meaning to anybody."""
    value: dict[str, object] = {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "Wie viele Schafe? \N{SHEEP}"}],
        "max_tokens": 64,
    }
    if stream:
        value |= {"stream": True, "stream_options": {"include_usage": True}}
    if pad:
        value["padding"] = "y" * pad
    # Unusual white space and escapes: what is not parsed and written again stays as it is.
    path.write_text(json.dumps(value, indent=3))
    return path


def check(metered: Metered, app: Application, calls: list[Call]) -> None:
    """Makes the calls; compares hashes on both sides, and the ledger with what was served."""
    ended = metered.run(app.planned(metered.folder / "plan", calls))

    served = metered.simulator.requests
    assert ended.status == 0, ended.stderr
    assert [(line["status"], line["protocol"]) for line in ended.lines] == [(200, app.protocol)] * len(calls)
    assert [request.body_sha256 for request in served] == [
        hashlib.sha256(call.body.read_bytes()).hexdigest() for call in calls if call.body
    ]
    assert [(line["bytes"], line["sha256"]) for line in ended.lines] == [
        (request.response_bytes, request.response_sha256) for request in served
    ]
    assert facts(ended.entries) == [
        ("chat", "ok", "admit", "reported", request.input_tokens, request.output_tokens) for request in served
    ]
    assert [entry["defects"] for entry in ended.entries] == [[]] * len(calls)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", APPLICATIONS)
def test_bytes_are_untouched_and_metered(metered: Metered, find_application: Find, name: str) -> None:
    app = find_application(name)
    plain, stream = body(metered.folder / "plain"), body(metered.folder / "stream", stream=True)
    gzip = {**HEADERS, "accept-encoding": "gzip"}
    metered.simulator.follow(
        Behaviour(),
        Behaviour(chunked=True),
        Behaviour(gzip=True),
        Behaviour(),
        Behaviour(gzip=True, chunks=7),
    )

    check(
        metered,
        app,
        [
            Call(URL, plain, HEADERS),
            Call(URL, plain, HEADERS, chunked=True),
            Call(URL, plain, gzip),
            Call(URL, stream, HEADERS),
            Call(URL, stream, gzip, chunked=True),
        ],
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", APPLICATIONS)
def test_twenty_megabytes_each_way(metered: Metered, find_application: Find, name: str) -> None:
    app = find_application(name)
    large = body(metered.folder / "large", pad=LARGE)
    metered.simulator.follow(Behaviour(pad=LARGE), Behaviour(pad=LARGE, chunked=True))

    check(metered, app, [Call(URL, large, HEADERS), Call(URL, large, HEADERS, chunked=True)])
