"""OpenAI's own API: its shape, responses, media, batches and assistants. Does no I/O."""

from __future__ import annotations

from tokmeter.testing.simulator.dialects import openai_batches, openai_media, openai_threads
from tokmeter.testing.simulator.dialects.openai_responses import responses
from tokmeter.testing.simulator.dialects.openai_shape import Flavour, error
from tokmeter.testing.simulator.reply import Call, Reply

__all__ = ["HOSTS", "answer", "error"]

HOSTS = ("api.openai.com", "eu.api.openai.com")
_FLAVOUR = Flavour(
    models=("gpt-4o", "gpt-4o-mini", "text-embedding-3-small"),
    more={
        "/responses": responses,
        "/moderations": openai_media.moderation,
        "/images/generations": openai_media.image,
        "/audio/speech": openai_media.speech,
        "/audio/transcriptions": openai_media.transcription,
    },
)


def answer(call: Call) -> Reply:
    """The reply to a call of the OpenAI API; an error of the provider's shape for an unknown path."""
    kind = call.route.removeprefix("/v1/").partition("/")[0]
    if kind in {"files", "batches"}:
        return openai_batches.answer(call, _FLAVOUR)
    if kind in {"threads", "assistants"}:
        return openai_threads.answer(call)
    if call.route == "/v1/moderations" and not call.model:
        call = call.asking(model="omni-moderation-latest")
    return _FLAVOUR.answer(call)
