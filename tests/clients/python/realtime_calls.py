"""An application on the WebSocket sessions of openai-python and google-genai. Knows nothing of tokmeter.

python realtime_calls.py CALL...
"""

import asyncio
import base64

import google.genai
import openai
from witness import main

QUESTION = "How many sheep make a flock?"
SECOND = base64.b64encode(b"\x00\x01" * 24_000).decode()
"""Of sound at 24 kHz and 16 bits."""


async def realtime(turns, *modalities, sound=False):
    """A session of so many turns; the tokens of all.

    The asynchronous client: the other one reads and writes a TLS socket from two threads, which CPython 3.13.0 does not bear.
    """
    words, tokens = 0, [0, 0]
    async with openai.AsyncOpenAI().realtime.connect(model="gpt-realtime") as session:
        await session.session.update(session={"type": "realtime", "output_modalities": list(modalities)})
        for _ in range(turns):
            if sound:
                await session.input_audio_buffer.append(audio=SECOND)
                await session.input_audio_buffer.commit()
            else:
                content = [{"type": "input_text", "text": QUESTION}]
                await session.conversation.item.create(item={"type": "message", "role": "user", "content": content})
            await session.response.create()
            async for event in session:
                if event.type == "error":
                    return {"error": event.error.type, "status": None, "type": event.error.code}
                if event.type == "response.output_text.delta":
                    words += len(event.delta.split())
                if event.type == "response.done":
                    tokens[0] += event.response.usage.input_tokens
                    tokens[1] += event.response.usage.output_tokens
                    break
    return {"words": words, "tokens": tokens}


async def live(turns):
    """The same with Gemini."""
    words, tokens = 0, [0, 0]
    client = google.genai.Client()
    async with client.aio.live.connect(
        model="gemini-live-2.5-flash-preview", config={"response_modalities": ["TEXT"]}
    ) as session:
        for _ in range(turns):
            await session.send_client_content(turns={"role": "user", "parts": [{"text": QUESTION}]}, turn_complete=True)
            async for message in session.receive():
                words += len((message.text or "").split())
                if message.usage_metadata:
                    tokens[0] += message.usage_metadata.prompt_token_count
                    tokens[1] += message.usage_metadata.response_token_count
    return {"words": words, "tokens": tokens}


def failed(error):
    """A refused session is an answer without an upgrade."""
    response = getattr(error, "response", None)
    return {"error": type(error).__name__, "status": getattr(response, "status_code", None)}


if __name__ == "__main__":
    main(
        {
            "text": lambda: asyncio.run(realtime(1, "text")),
            "two_turns": lambda: asyncio.run(realtime(2, "text")),
            "audio": lambda: asyncio.run(realtime(1, "audio", sound=True)),
            "live": lambda: asyncio.run(live(1)),
            "live_two_turns": lambda: asyncio.run(live(2)),
        },
        failed,
    )
