"""OpenAI's other media: transcription, speech, images and moderations. Does no I/O."""

from __future__ import annotations

import base64
from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.reply import CREATED, Call, Reply, data, grouped

BYTES_PER_SECOND = 32_000
"""Of uploaded audio, whatever its format says."""
TOKENS_PER_SECOND = 10
"""Audio tokens of a second."""
IMAGE_TOKENS = 272
"""Output tokens of one image of low quality."""
PIXEL = base64.b64encode(b"not really a picture").decode()


def seconds_of(call: Call) -> int:
    """Length of the uploaded audio."""
    file = call.body.get("file")
    size = len(file["content"]) if isinstance(file, dict) else 0
    return max(1, -(-size // BYTES_PER_SECOND))


def transcription(call: Call) -> Reply:
    """Whisper is paid by the second, its successors by the token."""
    visible, _ = call.output_tokens()
    spoken = words.reply(visible)
    text, seconds = "".join(spoken), seconds_of(call)
    if call.model.startswith("whisper"):
        stated: dict[str, Any] = {"type": "duration", "seconds": seconds}
        return Reply(body={"text": text, **({} if call.behaviour.silent else {"usage": stated})})
    audio, output = seconds * TOKENS_PER_SECOND, words.count(text, call.model)
    prompt = words.count(words.text_of(call.body.get("prompt", "")), call.model)
    stated = {
        "type": "tokens",
        "input_tokens": audio + prompt,
        "input_token_details": {"text_tokens": prompt, "audio_tokens": audio},
        "output_tokens": output,
        "total_tokens": audio + prompt + output,
    }
    body = {"text": text, **({} if call.behaviour.silent else {"usage": stated})}
    if not call.streamed:
        return Reply(body=body, input_tokens=audio + prompt, output_tokens=output)
    return Reply(
        pieces=[data({"type": "transcript.text.delta", "delta": t}) for t in grouped(spoken, call.behaviour.chunks)],
        tail=[data({"type": "transcript.text.done", **body})],
        input_tokens=audio + prompt,
        output_tokens=output,
    )


def speech(call: Call) -> Reply:
    """Bytes of sound with no usage, paid by the character; or events, the last of which states tokens."""
    sound = b"\x00\x01" * 800
    if call.body.get("stream_format") != "sse":
        return Reply(content=sound, media="audio/mpeg")
    prompt = words.count(words.text_of(call.body.get("input", "")), call.model)
    output, _ = call.output_tokens()
    stated = {"input_tokens": prompt, "output_tokens": output, "total_tokens": prompt + output}
    piece = {"type": "speech.audio.delta", "audio": base64.b64encode(sound).decode()}
    return Reply(
        pieces=[data(piece)] * (call.behaviour.chunks or 3),
        tail=[data({"type": "speech.audio.done", **({} if call.behaviour.silent else {"usage": stated})})],
        input_tokens=prompt,
        output_tokens=output,
    )


def image(call: Call) -> Reply:
    """The newer models state tokens; the older ones are paid by the picture."""
    n = call.body.get("n")
    wanted = n if isinstance(n, int) and n > 0 else 1
    if call.model.startswith("dall-e"):
        return Reply(body={"created": CREATED, "data": [{"url": "https://images.example/sheep.png"}] * wanted})
    prompt, output = words.count(words.text_of(call.body.get("prompt", "")), call.model), IMAGE_TOKENS * wanted
    body: dict[str, Any] = {"created": CREATED, "data": [{"b64_json": PIXEL}] * wanted}
    if not call.behaviour.silent:
        body["usage"] = {
            "input_tokens": prompt,
            "input_tokens_details": {"text_tokens": prompt, "image_tokens": 0},
            "output_tokens": output,
            "total_tokens": prompt + output,
        }
    return Reply(body=body, input_tokens=prompt, output_tokens=output)


def moderation(call: Call) -> Reply:
    """Nothing is objectionable, and nothing is charged."""
    result = {"flagged": False, "categories": {"hate": False}, "category_scores": {"hate": 0.0}}
    return Reply(body={"id": f"modr-{call.number:08d}", "model": call.model, "results": [result]})
