"""Which dialect a request speaks: by the host it was sent to, else by a header or the path. Knows no wire format."""

from __future__ import annotations

from collections.abc import Mapping

from tokmeter.testing.simulator.dialects import (
    anthropic,
    azure,
    bedrock,
    cohere,
    deepseek,
    fireworks,
    gemini,
    groq,
    mistral,
    ollama,
    openai,
    openrouter,
    perplexity,
    tgi,
    together,
    vertex,
    xai,
)
from tokmeter.testing.simulator.reply import Dialect

BY_HOST: dict[str, Dialect] = {
    **dict.fromkeys(openai.HOSTS, openai),
    **dict.fromkeys(anthropic.HOSTS, anthropic),
    **dict.fromkeys(gemini.HOSTS, gemini),
    **dict.fromkeys(vertex.HOSTS, vertex),
    **dict.fromkeys(cohere.HOSTS, cohere),
    **dict.fromkeys(mistral.HOSTS, mistral.DIALECT),
    **dict.fromkeys(groq.HOSTS, groq.DIALECT),
    **dict.fromkeys(deepseek.HOSTS, deepseek),
    **dict.fromkeys(xai.HOSTS, xai.DIALECT),
    **dict.fromkeys(openrouter.HOSTS, openrouter.DIALECT),
    **dict.fromkeys(perplexity.HOSTS, perplexity.DIALECT),
    **dict.fromkeys(together.HOSTS, together.DIALECT),
    **dict.fromkeys(fireworks.HOSTS, fireworks.DIALECT),
    **dict.fromkeys(ollama.HOSTS, ollama),
}
BY_SUFFIX: dict[str, Dialect] = {
    **dict.fromkeys(azure.SUFFIXES, azure),
    vertex.SUFFIX: vertex,
    tgi.SUFFIX: tgi,
}
BY_PREFIX: dict[str, Dialect] = {bedrock.PREFIX: bedrock}

BY_PATH: dict[str, Dialect] = {
    "/v1beta/models": gemini,
    "/v1beta/openai": gemini,
    "/ws/google": gemini,
    "/v1/projects/": vertex,
    "/v1beta1/": vertex,
    "/v1/publishers/": vertex,
    "/model/": bedrock,
    "/v2/": cohere,
    "/v1/rerank": cohere,
    "/v1/embed": cohere,
    "/v1/fim/": mistral.DIALECT,
    "/v1/ocr": mistral.DIALECT,
    "/openai/v1/": groq.DIALECT,
    "/openai/deployments/": azure,
    "/inference/v1/": fireworks.DIALECT,
    "/chat/completions": deepseek,
    "/api/v1/": openrouter.DIALECT,
    "/api/": ollama,
    "/generate": tgi,
}
"""For a host that no provider has: what its path begins with, the longer ones first."""
EXACT: dict[str, Dialect] = {"/v1/chat": cohere, "/v1/embeddings": openai}
"""Paths that others begin with."""

HOSTS = (
    *BY_HOST,
    azure.EXAMPLE,
    tgi.EXAMPLE,
    *bedrock.EXAMPLES,
    *vertex.EXAMPLES,
)
"""Host names under which the simulator has a certificate; of providers with many, some."""


def dialect_of(path: str, headers: Mapping[str, str]) -> Dialect:
    """The dialect of a request, OpenAI's when nothing says otherwise."""
    route = path.partition("?")[0]
    found = _by_host(headers.get("host", "").partition(":")[0].lower())
    if found is not None:
        return found
    if "anthropic-version" in headers:
        return anthropic
    if route in EXACT:
        return EXACT[route]
    return next((dialect for start, dialect in BY_PATH.items() if route.startswith(start)), openai)


def _by_host(host: str) -> Dialect | None:
    if host in BY_HOST:
        return BY_HOST[host]
    ends = (dialect for suffix, dialect in BY_SUFFIX.items() if host.endswith(suffix))
    begins = (dialect for prefix, dialect in BY_PREFIX.items() if host.startswith(prefix))
    return next(ends, None) or next(begins, None)
