"""The text of simulated replies and the counting of tokens. Knows no wire format."""

from __future__ import annotations

import itertools
from functools import lru_cache

from tokmeter._core import Tokenizer, get_tokenizer

WORDS = (
    " the", " and", " of", " to", " in", " is", " for", " on", " that", " with", " as", " it", " by", " this", " from",
    " at", " are", " was", " be", " have", " not", " or", " an", " we", " can", " all", " has", " more", " one", " will",
)  # fmt: skip
"""Each is one token in the vocabularies of the simulated models."""

MESSAGE_TOKENS = 3
"""Tokens around each chat message, and once for the reply that is to follow (OpenAI's published recipe)."""


def reply(tokens: int) -> list[str]:
    """The pieces of a reply of so many tokens, one token each."""
    return list(itertools.islice(itertools.cycle(WORDS), tokens))


def count(text: str, model: str) -> int:
    """Tokens of `text` in the vocabulary of `model`, or in o200k_base where the model is unknown."""
    return _tokenizer(model).count(text)


def chat_input(messages: object, model: str) -> int:
    """Input tokens of a list of chat messages."""
    total = MESSAGE_TOKENS
    for message in messages if isinstance(messages, list) else []:
        total += MESSAGE_TOKENS + count(text_of(message), model)
        if isinstance(message, dict) and isinstance(message.get("role"), str):
            total += count(message["role"], model)
    return total


def text_of(value: object) -> str:
    """All text of a message, a content part or a list of either."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(text_of(item) for item in value)
    if isinstance(value, dict):
        inner = (value[key] for key in ("content", "parts", "text") if key in value)
        return text_of(next(inner, ""))
    return ""


@lru_cache(maxsize=64)
def _tokenizer(model: str) -> Tokenizer:
    try:
        return get_tokenizer(model)
    except KeyError:
        return get_tokenizer("o200k_base")
