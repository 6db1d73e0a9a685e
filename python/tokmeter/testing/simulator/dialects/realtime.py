"""OpenAI's realtime sessions: what a server says to each message of a client. Knows messages, not sockets."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import parse_qs

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.reply import Call, Counts, Reply, compact, grouped

PATH = "/v1/realtime"
BYTES_PER_TOKEN = 4_800
"""Of audio that is sent: a tenth of a second at 24 kHz and 16 bits."""
TEXT_PART = 4
"""One of so many tokens of a spoken answer is its transcript."""
SOUND = base64.b64encode(b"\x00\x01" * 120).decode()


class RealtimeSession:
    """One session; what a client said so far is the input of each response."""

    binary = False
    fatal = False

    def __init__(self, call: Call) -> None:
        """Begins the session that `call` upgrades to."""
        self._call = call
        self._model = parse_qs(call.path.partition("?")[2]).get("model", ["gpt-realtime"])[0]
        self._session: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": f"sess_{call.number:08d}",
            "model": self._model,
            "output_modalities": ["audio"],
            "instructions": "",
        }
        self._texts: list[str] = []
        self._audio_bytes = 0
        self._events = 0
        self._responses = 0

    def opened(self) -> Reply:
        """What is said before the client says anything."""
        return Reply(lead=[self._event("session.created", session=self._session)])

    def asks(self, message: dict[str, Any]) -> bool:
        """Whether a message asks for an answer of the model."""
        return message.get("type") == "response.create"

    def heard(self, message: dict[str, Any], call: Call) -> Reply:
        """What is said to a message; `call` has the behaviour of this answer."""
        kind = message.get("type")
        if kind == "session.update":
            session = message.get("session")
            self._session |= session if isinstance(session, dict) else {}
            return Reply(lead=[self._event("session.updated", session=self._session)])
        if kind == "conversation.item.create":
            item = {"id": f"item_{self._events:08d}", "object": "realtime.item", **message.get("item", {})}
            self._texts.append(words.text_of(item.get("content", "")))
            return Reply(lead=[self._event("conversation.item.added", previous_item_id=None, item=item)])
        if kind == "input_audio_buffer.append":
            self._audio_bytes += len(base64.b64decode(str(message.get("audio", ""))))
            return Reply()
        if kind == "input_audio_buffer.commit":
            return Reply(lead=[self._event("input_audio_buffer.committed", item_id="item_audio")])
        if kind == "response.create":
            return self._response(message.get("response"), call)
        return self.failed(400, f"Invalid value: {kind!r}")

    def failed(self, status: int, message: str) -> Reply:
        """An error as an event: the session goes on."""
        kind = "server_error" if status >= 500 else "invalid_request_error"
        code = {429: "rate_limit_exceeded"}.get(status)
        told = {"type": kind, "code": code, "message": message, "param": None, "event_id": None}
        return Reply(status=status, lead=[self._event("error", error=told)])

    def _event(self, kind: str, **fields: object) -> bytes:
        self._events += 1
        return compact({"type": kind, "event_id": f"event_{self._events:08d}", **fields}).encode()

    def _response(self, asked: object, call: Call) -> Reply:
        self._responses += 1
        wanted = asked if isinstance(asked, dict) else {}
        modalities = wanted.get("output_modalities", self._session["output_modalities"])
        spoken = words.reply(call.behaviour.tokens)
        text = "".join(spoken)
        told = [str(self._session.get("instructions") or ""), str(wanted.get("instructions") or ""), *self._texts]
        text_tokens = words.count("".join(told), self._model)
        audio_tokens = -(-self._audio_bytes // BYTES_PER_TOKEN)
        counts = Counts.of(call, text_tokens + audio_tokens, words.count(text, self._model))
        audible = "audio" in modalities
        usage = None if call.behaviour.silent else _usage(counts, audio_tokens, audible=audible)
        self._texts.append(text)
        name = f"resp_{call.number:08d}_{self._responses}"
        part = {"type": "output_audio", "transcript": text} if audible else {"type": "output_text", "text": text}
        item = {"id": f"item_{name}", "object": "realtime.item", "type": "message", "role": "assistant"}

        def response(status: str, output: list[dict[str, Any]], stated: dict[str, Any] | None) -> dict[str, Any]:
            return {
                "object": "realtime.response",
                "id": name,
                "status": status,
                "status_details": None,
                "output": output,
                "output_modalities": modalities,
                "usage": stated,
            }

        place = {"response_id": name, "item_id": item["id"], "output_index": 0, "content_index": 0}
        begun = response("in_progress", [], None)
        done = response("completed", [{**item, "status": "completed", "content": [part]}], usage)
        return Reply(
            lead=[
                self._event("response.created", response=begun),
                self._event("response.output_item.added", response_id=name, output_index=0, item=item),
            ],
            pieces=[
                self._event("response.output_audio.delta", **place, delta=SOUND)
                if audible
                else self._event("response.output_text.delta", **place, delta=piece)
                for piece in grouped(spoken, call.behaviour.chunks)
            ],
            tail=[
                self._event("response.output_audio_transcript.done", **place, transcript=text)
                if audible
                else self._event("response.output_text.done", **place, text=text),
                self._event("response.done", response=done),
            ],
        ).spending(counts)


def _usage(counts: Counts, audio_tokens: int, *, audible: bool) -> dict[str, Any]:
    """Tokens by kind; the cache holds text first."""
    text_tokens = counts.input - audio_tokens
    cached_text = min(counts.cached, text_tokens)
    cached = {"text_tokens": cached_text, "audio_tokens": counts.cached - cached_text, "image_tokens": 0}
    said = counts.output // TEXT_PART if audible else counts.output
    return {
        "total_tokens": counts.total,
        "input_tokens": counts.input,
        "output_tokens": counts.output,
        "input_token_details": {
            "text_tokens": text_tokens,
            "audio_tokens": audio_tokens,
            "image_tokens": 0,
            "cached_tokens": counts.cached,
            "cached_tokens_details": cached,
        },
        "output_token_details": {"text_tokens": said, "audio_tokens": counts.output - said},
    }
