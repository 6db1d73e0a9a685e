"""Which dialect a request speaks, and what is read of its body."""

from __future__ import annotations

import pytest

from tokmeter.testing.simulator.dialects import (
    anthropic,
    azure,
    bedrock,
    cohere,
    deepseek,
    gemini,
    groq,
    mistral,
    ollama,
    openai,
    openrouter,
    tgi,
    vertex,
)
from tokmeter.testing.simulator.form import body_object
from tokmeter.testing.simulator.providers import HOSTS, dialect_of
from tokmeter.testing.simulator.reply import Dialect


@pytest.mark.parametrize(
    ("host", "dialect"),
    [
        ("api.openai.com", openai),
        ("API.OpenAI.com:443", openai),
        ("bedrock-runtime.ap-south-1.amazonaws.com", bedrock),
        ("flock.openai.azure.com", azure),
        ("asia-south1-aiplatform.googleapis.com", vertex),
        ("flock.eu-west-1.aws.endpoints.huggingface.cloud", tgi),
        ("api.mistral.ai", mistral.DIALECT),
    ],
)
def test_the_host_says_which_dialect(host: str, dialect: Dialect) -> None:
    assert dialect_of("/v1/chat/completions", {"host": host, "anthropic-version": "1"}) is dialect


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/chat/completions", openai),
        ("/v1/chat", cohere),
        ("/v2/chat", cohere),
        ("/v1/embed", cohere),
        ("/v1/embeddings", openai),
        ("/v1beta/models/g:generateContent", gemini),
        ("/v1/projects/p/locations/l/publishers/google/models/g:generateContent", vertex),
        ("/model/m/converse", bedrock),
        ("/openai/v1/chat/completions", groq.DIALECT),
        ("/api/v1/chat/completions", openrouter.DIALECT),
        ("/api/chat", ollama),
        ("/chat/completions", deepseek),
        ("/generate_stream", tgi),
        ("/v1/fim/completions", mistral.DIALECT),
    ],
)
def test_a_path_says_it_for_a_host_of_nobody(path: str, dialect: Dialect) -> None:
    assert dialect_of(path, {"host": "127.0.0.1:8900"}) is dialect


def test_anthropics_version_says_it_too() -> None:
    assert dialect_of("/v1/messages", {"anthropic-version": "2023-06-01"}) is anthropic


def test_every_provider_has_a_host_with_a_certificate() -> None:
    assert len(set(HOSTS)) == len(HOSTS)
    assert {"api.openai.com", "api.cohere.com", "bedrock-runtime.us-east-1.amazonaws.com"} <= set(HOSTS)


def test_a_form_is_read_by_its_fields() -> None:
    body = (
        b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="f.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n\x00\xff\r\n\x00\r\n--b--\r\n"
    )

    fields = body_object(body, "multipart/form-data; boundary=b")

    assert fields == {"model": "whisper-1", "file": {"filename": "f.wav", "content": b"\x00\xff\r\n\x00"}}


@pytest.mark.parametrize(("body", "kind"), [(b"", "application/json"), (b"\x00", "audio/wav")])
def test_what_has_no_fields_is_empty(body: bytes, kind: str) -> None:
    assert body_object(body, kind) == {}


@pytest.mark.parametrize("body", [b"[]", b"{", b"1"])
def test_json_that_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        body_object(body, "application/json")
