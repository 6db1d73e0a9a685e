"""A vocabulary that the configuration names counts the stream of a model that nothing embedded knows."""

import asyncio
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.integration.proxied import call, post, proxied, reverse, run
from tests.integration.upstream import Received, Upstream, chunked, upstream
from tokmeter._core import Attribution
from tokmeter.capture.proxy import ProxySettings
from tokmeter.config import Config
from tokmeter.config.document import parse
from tokmeter.config.load import check
from tokmeter.errors import ConfigError
from tokmeter.runtime.sidecar import Plan, build_meter
from tokmeter.state import StateDirectory

PATH = "/v1/chat/completions"
PIECES = ("one two", " thr", "ee fiv", "e é")
PROMPT = "hello"
WHO = Attribution(service="checkout")


def _config(port: int, file: Path) -> Config:
    return check(
        parse(
            f"providers: [{{host: '127.0.0.1:{port}', dialect: openai, name: vllm}}]\n"
            f"tokenizers: [{{models: ['LLAMA-3*'], file: {file}, pattern: llama3}}]\n",
            "tokmeter.yaml",
        )
    )


def _plan(config: Config, folder: Path) -> Plan:
    return Plan(
        config=config,
        state=StateDirectory({"XDG_STATE_HOME": str(folder)}),
        ledger=folder / "ledger.db",
        proxy=ProxySettings(ca_dir=folder),
        who=WHO,
        trust=folder,
    )


def _ask(model: str) -> bytes:
    body = {"model": model, "stream": True, "messages": [{"role": "user", "content": PROMPT}]}
    return post(PATH, json.dumps(body).encode(), "Content-Type: application/json")


async def _stream(_up: Upstream, _request: Received, writer: asyncio.StreamWriter) -> None:
    """Text, and no usage."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    ends: list[dict[str, Any]] = [
        *({"delta": {"content": piece}} for piece in PIECES),
        {"delta": {}, "finish_reason": "stop"},
    ]
    for end in ends:
        event = json.dumps({"object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, **end}]})
        writer.write(chunked(f"data: {event}\n\n".encode()))
    writer.write(chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")


def test_a_stream_is_counted_with_the_vocabulary_of_its_model(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.model"
    # A token for each byte, so that no other vocabulary gives the same number.
    file.write_bytes(b"".join(b"%s %d\n" % (b64encode(bytes([byte])), byte) for byte in range(256)))

    async def scenario() -> None:
        async with upstream(routes={PATH: _stream}) as up:
            meter = build_meter(_plan(_config(up.port, file), tmp_path))
            async with proxied(meter, tmp_path / "ca", who=WHO, mode=reverse(up)) as proxy:
                await call(proxy, _ask("meta-llama/Llama-3.1-8B"))
                own = await proxy.entry()
                await call(proxy, _ask("nobody-knows"))
                stand_in = await proxy.entry(2)
        assert own.usage["output_tokens"] == len("".join(PIECES).encode())
        assert stand_in.usage["output_tokens"] < 10
        # What frames the prompt is the same; the stand-in has one token for its text.
        assert own.usage["input_tokens"] - stand_in.usage["input_tokens"] == len(PROMPT) - 1
        # How the server frames messages is not known.
        assert own.provenance == "estimated"

    run(scenario())


def test_nothing_is_started_without_a_file_that_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"missing, key tokenizers\[0\]\.file"):
        build_meter(_plan(_config(1, tmp_path / "missing"), tmp_path))
