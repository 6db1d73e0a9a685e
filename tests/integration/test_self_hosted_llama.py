"""A real self-hosted server behind the real proxy, named in the configuration and not: llama.cpp over plain HTTP.

Every byte passes a tap between proxy and server, so that what the program sent and got is compared with what the server
got and sent, and the ledger with what the server itself states.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.applications import python_program
from tests.integration.llama_server import MODEL, llama_server
from tests.integration.metered import Metered, finished
from tests.integration.sdk_programs import wire_of
from tests.integration.wire_tap import WireTap, sha256

CALLS = ("chat", "stream", "completion", "completion_stream", "embeddings")
OPERATIONS = ("chat", "chat", "completions", "completions", "embeddings")
UNSTATED = (1, 3)
"""Streams: this server states no usage in them, asked or not."""
WORDS = 12
"""Each is one token of this vocabulary, and the replies end at this many."""
NAMED = "llama.internal:8000"
NAMED_URL = f"http://{NAMED}/v1"
INPUT_NANO_USD, OUTPUT_NANO_USD = 100, 300
RATES = "rates: {input: 0.10, output: 0.30}"


@dataclass(frozen=True)
class Asked:
    """What a run left behind."""

    lines: list[dict[str, Any]]
    served: list[tuple[bytes, bytes]]
    """Bodies of each request and reply as the server got and sent them."""
    entries: list[dict[str, Any]]

    def stated(self) -> list[dict[str, int] | None]:
        """The server's own numbers, where it states any."""
        return [None if at in UNSTATED else json.loads(reply)["usage"] for at, (_, reply) in enumerate(self.served)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the server; one for all tests here, because nothing of a test stays in it."""
    with llama_server(tmp_path_factory.mktemp("llama")) as port:
        yield port


@pytest.fixture
def tap(server: int) -> Iterator[WireTap]:
    """The way to the server."""
    with WireTap(server) as tap:
        yield tap


def ask(metered: Metered, tap: WireTap, url: str, *more: str) -> Asked:
    """An application makes every call; with `more` lines of configuration."""
    with metered.sidecar(*more, connect=False) as sidecar:
        # As on a machine that does not spare itself from proxies.
        environ = {**sidecar.environment(), "NO_PROXY": "", "no_proxy": "", "OPENAI_BASE_URL": url}
        lines = finished([*python_program("self_hosted_calls.py"), *CALLS], environ)
    return Asked(lines, tap.exchanges(), metered.entries())


def named(tap: WireTap) -> tuple[str, ...]:
    """The lines of configuration that name the server and say what it costs."""
    keys = f"host: '{NAMED}', dialect: openai, name: barn, connect_to: '127.0.0.1:{tap.port}', {RATES}"
    return "providers:", f"  - {{{keys}}}"


def check_answered(asked: Asked) -> None:
    """Every call was answered, to its last word."""
    assert [(line["call"], line.get("error")) for line in asked.lines] == [(call, None) for call in CALLS]
    assert [line["words"] for line in asked.lines] == [WORDS] * 4 + [0]


def check_passed_on(asked: Asked) -> None:
    """The same, and no byte of a body was touched on either way."""
    check_answered(asked)
    assert [(wire["sent"], wire["got"]) for wire in wire_of(asked.lines)] == [
        (sha256(request), sha256(reply)) for request, reply in asked.served
    ]


def check_usage(asked: Asked) -> None:
    """The ledger holds what the server states, and our own counts where it states nothing, named so."""
    assert [(entry["operation"], entry["outcome"], entry["request_model"]) for entry in asked.entries] == [
        (operation, "ok", MODEL) for operation in OPERATIONS
    ]
    for at, (entry, stated) in enumerate(zip(asked.entries, asked.stated(), strict=True)):
        usage = entry["usage"]
        if stated is None:
            assert entry["provenance"] in {"counted", "estimated"}, at
            assert usage["input_tokens"] > 0, at
            # Twelve words of a public vocabulary are about twelve tokens.
            assert WORDS <= usage["output_tokens"] <= 3 * WORDS, at
        else:
            assert entry["provenance"] == "reported", at
            counts = (usage["input_tokens"], usage["output_tokens"] or 0)
            assert counts == (stated["prompt_tokens"], stated.get("completion_tokens", 0)), at
            assert asked.lines[at]["tokens"][: len(counts)] == list(counts), at


def test_a_server_named_in_the_configuration_is_metered_and_priced(metered: Metered, tap: WireTap) -> None:
    asked = ask(metered, tap, NAMED_URL, *named(tap))

    check_passed_on(asked)
    check_usage(asked)
    assert {entry["provider"] for entry in asked.entries} == {"barn"}
    assert [entry["cost_nano_usd"] for entry in asked.entries] == [
        usage["input_tokens"] * INPUT_NANO_USD + (usage["output_tokens"] or 0) * OUTPUT_NANO_USD
        for usage in (entry["usage"] for entry in asked.entries)
    ]


def test_a_server_that_nobody_named_is_recognised_by_its_traffic(metered: Metered, tap: WireTap) -> None:
    asked = ask(metered, tap, f"http://127.0.0.1:{tap.port}/v1")

    check_passed_on(asked)
    check_usage(asked)
    assert {entry["provider"] for entry in asked.entries} == {"openai-compatible"}
    # Nobody said what it costs.
    assert {(entry["cost_nano_usd"], entry["priced"]) for entry in asked.entries} == {(None, False)}


def test_a_server_that_ignores_the_wish_for_usage_is_counted(metered: Metered, tap: WireTap) -> None:
    asked = ask(metered, tap, NAMED_URL, "policies: {include_usage: inject}", *named(tap))

    check_answered(asked)
    check_usage(asked)
    got = [json.loads(request).get("stream_options") for request, _ in asked.served]
    assert [got[at] for at in UNSTATED] == [{"include_usage": True}] * len(UNSTATED)
    # What was asked for in the program's place never came, so nothing is taken out.
    assert [wire["got"] for wire in wire_of(asked.lines)] == [sha256(reply) for _, reply in asked.served]
