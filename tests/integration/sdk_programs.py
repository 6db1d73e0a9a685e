"""What the programs on SDKs ask for, by program, and how what they saw is compared with what was served."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tokmeter.testing import ReceivedRequest

WORDS = 24
"""Of every simulated reply."""

CALLS = {
    "google_calls.py": (
        *("content", "stream", "count", "embed"),
        *("vertex_content", "vertex_stream", "claude", "claude_stream"),
    ),
    "bedrock_calls.py": (
        *("converse", "converse_stream", "sdk", "sdk_stream"),
        *("invoke_claude", "invoke_nova", "invoke_titan", "invoke_llama3", "invoke_command"),
        *("invoke_claude_stream", "invoke_nova_stream", "invoke_titan_stream", "invoke_llama3_stream"),
        "invoke_command_stream",
    ),
    "cohere_calls.py": ("chat", "stream", "embed", "rerank", "old_chat", "old_stream"),
    "mistral_calls.py": ("chat", "stream", "fim", "fim_stream", "embeddings", "ocr"),
    "groq_calls.py": ("chat", "stream", "stream_with_usage"),
    "ollama_calls.py": ("chat", "stream", "generate", "generate_stream", "embed"),
}
"""One request each."""
COMPATIBLE = (
    *("gemini", "mistral", "groq", "deepseek", "xai", "openrouter", "perplexity"),
    *("together", "fireworks", "ollama", "tgi", "azure"),
)
"""Providers of OpenAI's shape, by the names that `compatible_calls.py` knows."""


@dataclass(frozen=True)
class Refused:
    """What a program sees of a provider's 429, and how often it asks before it gives up."""

    program: str
    call: str
    error: str
    asked: int
    kind: str | None = None

    def line(self) -> dict[str, Any]:
        """What it prints."""
        kind = {} if self.kind is None else {"type": self.kind}
        return {"call": self.call, "error": self.error, "status": 429, **kind}


REFUSED = (
    Refused("google_calls.py", "content", "ClientError", 1, "RESOURCE_EXHAUSTED"),
    Refused("google_calls.py", "vertex_stream", "ClientError", 1, "RESOURCE_EXHAUSTED"),
    Refused("bedrock_calls.py", "converse", "ThrottlingException", 3, "ThrottlingException"),
    Refused("bedrock_calls.py", "invoke_titan_stream", "ThrottlingException", 3, "ThrottlingException"),
    Refused("cohere_calls.py", "chat", "TooManyRequestsError", 3),
    Refused("cohere_calls.py", "stream", "TooManyRequestsError", 1),
    Refused("mistral_calls.py", "chat", "SDKError", 1),
    Refused("groq_calls.py", "chat", "RateLimitError", 3),
    Refused("ollama_calls.py", "chat", "ResponseError", 1),
    *(
        Refused("compatible_calls.py", name, "RateLimitError", 3)
        for name in ("azure", "openrouter", "perplexity", "xai")
    ),
)
"""The providers' own rejections, without any word of ours about retries."""


def check_sent(lines: Sequence[dict[str, Any]], served: Sequence[ReceivedRequest]) -> None:
    """Each request's body, and its signature, arrived as it left."""
    wire = wire_of(lines)
    assert [entry["sent"] for entry in wire] == [request.body_sha256 for request in served]
    assert [entry.get("signature", request.signature_sha256) for entry, request in zip(wire, served, strict=True)] == [
        request.signature_sha256 for request in served
    ]


def check_bytes(lines: Sequence[dict[str, Any]], served: Sequence[ReceivedRequest]) -> None:
    """The same, and each reply arrived as it left."""
    check_sent(lines, served)
    # botocore parses some replies before anybody can look.
    got = [entry.get("got", request.response_sha256) for entry, request in zip(wire_of(lines), served, strict=True)]
    assert got == [request.response_sha256 for request in served]


def wire_of(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The hashes that were printed, in the order of the requests."""
    return [entry for line in lines for entry in line["wire"]]


def check_answers(lines: Sequence[dict[str, Any]], calls: Sequence[str]) -> None:
    """Every call was answered, with the text that was sent."""
    assert [(line["call"], line.get("error")) for line in lines] == [(call, None) for call in calls]
    spoken = [line["words"] for line in lines if line["words"] is not None and line["words"] > 2]
    assert spoken == [WORDS] * len(spoken)


def without_wire(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was printed, without the hashes."""
    return [{name: value for name, value in line.items() if name != "wire"} for line in lines]
