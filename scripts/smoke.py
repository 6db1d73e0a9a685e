"""Tries an installed tokmeter: counts, prices, meters a recording, starts the proxy and stops it.

Owns the question whether a wheel is whole. Runs outside the tree with nothing but the installed package; what each
part does in detail is the tests' question.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
from importlib import metadata, resources
from pathlib import Path

import tokmeter

COMMAND = str(Path(sysconfig.get_path("scripts")) / "tokmeter")
PIECES = ("py.typed", "_core.pyi")
# What tiktoken answers for the same text.
HELLO_WORLD = {"cl100k_base": [15339, 1917], "o200k_base": [24912, 2375]}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
START_S = 30


def expect(what: str, *, holds: bool) -> None:
    """Ends the program, naming what does not hold."""
    if not holds:
        sys.exit(f"smoke: {what}: no")
    print(f"smoke: {what}")


def recording() -> dict[str, object]:
    """One synthetic exchange with OpenAI as a HAR document."""
    request = {"model": "gpt-4o", "messages": [{"role": "user", "content": "synthetic"}]}
    reply = {
        "object": "chat.completion",
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "synthetic"}, "finish_reason": "stop"}],
        "usage": USAGE,
    }
    entry = {
        "startedDateTime": "2026-01-05T12:00:00.000Z",
        "time": 120,
        "request": {
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions",
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "content-type", "value": "application/json"}],
            "postData": {"mimeType": "application/json", "text": json.dumps(request)},
        },
        "response": {
            "status": 200,
            "httpVersion": "HTTP/1.1",
            "headers": [{"name": "content-type", "value": "application/json"}],
            "content": {"mimeType": "application/json", "text": json.dumps(reply)},
        },
    }
    return {"log": {"version": "1.2", "creator": {"name": "smoke", "version": "1"}, "entries": [entry]}}


def run(*arguments: str) -> str:
    """Standard output of one tokmeter command that must succeed."""
    return subprocess.run([COMMAND, *arguments], check=True, capture_output=True, text=True, timeout=120).stdout


def try_library() -> None:
    """The package's pieces, the tokenizers, the version."""
    package = resources.files("tokmeter")
    expect("the types ship with the package", holds=all(package.joinpath(piece).is_file() for piece in PIECES))
    for encoding, ids in HELLO_WORLD.items():
        expect(
            f"{encoding} encodes as tiktoken does", holds=tokmeter.get_tokenizer(encoding).encode("hello world") == ids
        )
    expect("the version is the package's", holds=run("--version").split()[-1] == metadata.version("tokmeter"))


def try_replay(scratch: Path) -> None:
    """A recorded exchange becomes tokens and money."""
    har = scratch / "one.har"
    har.write_text(json.dumps(recording()), encoding="utf-8")
    metered = json.loads(run("replay", str(har), "--json"))
    counted = (metered["usage"]["input_tokens"], metered["usage"]["output_tokens"])
    expect("a recording is metered", holds=counted == (USAGE["prompt_tokens"], USAGE["completion_tokens"]))
    expect("a recording is priced", holds=metered["priced"] and metered["provenance"] == "reported")


def try_proxy() -> None:
    """The sidecar starts, says where it listens, and drains on SIGTERM."""
    command = [COMMAND, "proxy", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as proxy:
        try:
            words = proxy.stderr.readline() if proxy.stderr else ""
            expect(f"the proxy starts ({words.strip()})", holds="127.0.0.1:" in words)
            proxy.send_signal(signal.SIGTERM)
            expect("the proxy ends well", holds=proxy.wait(START_S) == 0)
        finally:
            proxy.kill()


def main() -> None:
    """Everything, in a home of its own."""
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        os.environ |= {"HOME": folder, "XDG_STATE_HOME": str(scratch / "state"), "XDG_CONFIG_HOME": folder}
        try_library()
        try_replay(scratch)
        try_proxy()


if __name__ == "__main__":
    main()
