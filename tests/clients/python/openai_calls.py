"""An application on openai-python: makes the calls it is told and prints what it learned. Knows nothing of tokmeter.

python openai_calls.py sync|async CALL...
"""

import asyncio
import json
import sys

import openai

QUESTION = [{"role": "user", "content": "How many sheep make a flock?"}]
MODEL = "gpt-4o"
WANTED = 2
"""Content pieces after which an impatient application has read enough."""


def tokens(usage):
    """Input and output tokens of a chat, responses or embeddings usage, or None."""
    if usage is None:
        return None
    if hasattr(usage, "input_tokens"):
        return [usage.input_tokens, usage.output_tokens]
    return [usage.prompt_tokens, getattr(usage, "completion_tokens", 0)]


class Reading:
    """What was read of a stream."""

    def __init__(self):
        self.text = ""
        self.pieces = 0
        self.usage = None

    def take(self, event):
        """One event of a chat or responses stream."""
        piece = ""
        if hasattr(event, "choices"):
            piece = (event.choices[0].delta.content or "") if event.choices else ""
            self.usage = event.usage or self.usage
        elif event.type == "response.output_text.delta":
            piece = event.delta
        elif event.type == "response.completed":
            self.usage = event.response.usage
        self.text += piece
        self.pieces += bool(piece)

    def result(self):
        """What is printed."""
        return {"words": len(self.text.split()), "tokens": tokens(self.usage)}


def chat(client, **more):
    """A request for a chat completion, awaitable or not as the client is."""
    return client.chat.completions.create(model=MODEL, messages=QUESTION, max_completion_tokens=64, **more)


def opened(client, call):
    """The request of a call."""
    if call == "responses":
        return client.responses.create(model=MODEL, input=QUESTION[0]["content"], max_output_tokens=64)
    if call == "responses_stream":
        return client.responses.create(model=MODEL, input=QUESTION[0]["content"], max_output_tokens=64, stream=True)
    if call == "embeddings":
        return client.embeddings.create(model="text-embedding-3-small", input=["one sheep", "two sheep"])
    if call == "stream_with_usage":
        return chat(client, stream=True, stream_options={"include_usage": True})
    return chat(client, stream=call in {"stream", "impatient"})


def whole(reply):
    """What a reply that was not streamed says."""
    text = reply.choices[0].message.content if hasattr(reply, "choices") else getattr(reply, "output_text", "")
    return {"words": len(text.split()), "tokens": tokens(reply.usage)}


def sync_call(client, call):
    """One call; what it gave."""
    reply = opened(client, call)
    if not isinstance(reply, openai.Stream):
        return whole(reply)
    reading = Reading()
    with reply:
        for event in reply:
            reading.take(event)
            if call == "impatient" and reading.pieces == WANTED:
                break
    return reading.result()


async def async_call(client, call):
    """The same with the asynchronous client."""
    reply = await opened(client, call)
    if not isinstance(reply, openai.AsyncStream):
        return whole(reply)
    reading = Reading()
    async with reply:
        async for event in reply:
            reading.take(event)
            if call == "impatient" and reading.pieces == WANTED:
                break
    return reading.result()


def failure(error):
    """What an application sees of an error."""
    return {
        "error": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "type": getattr(error, "type", None),
    }


def show(call, result):
    """One line, at once."""
    print(json.dumps({"call": call, **result}), flush=True)


def main(calls):
    """Makes the calls one after another."""
    with openai.OpenAI() as client:
        for call in calls:
            try:
                show(call, sync_call(client, call))
            except Exception as error:
                show(call, failure(error))


async def async_main(calls):
    """The same with the asynchronous client."""
    async with openai.AsyncOpenAI() as client:
        for call in calls:
            try:
                show(call, await async_call(client, call))
            except Exception as error:
                show(call, failure(error))


if __name__ == "__main__":
    if sys.argv[1] == "async":
        asyncio.run(async_main(sys.argv[2:]))
    else:
        main(sys.argv[2:])
