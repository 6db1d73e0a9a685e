"""An application on anthropic-python: makes the calls it is told and prints what it learned. Knows nothing of tokmeter.

python anthropic_calls.py sync|async CALL...
"""

import asyncio
import json
import sys

import anthropic

QUESTION = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 64,
    "system": "You herd sheep.",
    "messages": [{"role": "user", "content": "How many sheep make a flock?"}],
}
WANTED = 2
"""Content pieces after which an impatient application has read enough."""


def tokens(usage):
    """Input, output and cached tokens as the provider words them."""
    return [usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens or 0]


class Reading:
    """What was read of a raw stream."""

    def __init__(self):
        self.text = ""
        self.pieces = 0
        self.input_tokens = self.output_tokens = None

    def take(self, event):
        """One event."""
        if event.type == "message_start":
            self.input_tokens = event.message.usage.input_tokens
        elif event.type == "message_delta":
            self.output_tokens = event.usage.output_tokens
        elif event.type == "content_block_delta":
            self.text += event.delta.text
            self.pieces += 1

    def result(self):
        """What is printed."""
        return {"words": len(self.text.split()), "tokens": [self.input_tokens, self.output_tokens, 0]}


def whole(message):
    """What a message says."""
    return {"words": len(message.content[0].text.split()), "tokens": tokens(message.usage)}


def sync_call(client, call):
    """One call; what it gave."""
    if call == "count_tokens":
        given = {name: value for name, value in QUESTION.items() if name != "max_tokens"}
        return {"words": 0, "tokens": [client.messages.count_tokens(**given).input_tokens, 0, 0]}
    if call == "messages":
        return whole(client.messages.create(**QUESTION))
    if call == "stream":
        with client.messages.stream(**QUESTION) as stream:
            return whole(stream.get_final_message())
    reading = Reading()
    with client.messages.create(**QUESTION, stream=True) as events:
        for event in events:
            reading.take(event)
            if call == "impatient" and reading.pieces == WANTED:
                break
    return reading.result()


async def async_call(client, call):
    """The same with the asynchronous client."""
    if call == "messages":
        return whole(await client.messages.create(**QUESTION))
    if call == "stream":
        async with client.messages.stream(**QUESTION) as stream:
            return whole(await stream.get_final_message())
    reading = Reading()
    async with await client.messages.create(**QUESTION, stream=True) as events:
        async for event in events:
            reading.take(event)
            if call == "impatient" and reading.pieces == WANTED:
                break
    return reading.result()


def failure(error):
    """What an application sees of an error."""
    body = getattr(error, "body", None)
    kind = body.get("error", {}).get("type") if isinstance(body, dict) else None
    return {"error": type(error).__name__, "status": getattr(error, "status_code", None), "type": kind}


def show(call, result):
    """One line, at once."""
    print(json.dumps({"call": call, **result}), flush=True)


def main(calls):
    """Makes the calls one after another."""
    with anthropic.Anthropic() as client:
        for call in calls:
            try:
                show(call, sync_call(client, call))
            except Exception as error:  # a connection that breaks in mid-stream raises the transport's own
                show(call, failure(error))


async def async_main(calls):
    """The same with the asynchronous client."""
    async with anthropic.AsyncAnthropic() as client:
        for call in calls:
            try:
                show(call, await async_call(client, call))
            except Exception as error:  # a connection that breaks in mid-stream raises the transport's own
                show(call, failure(error))


if __name__ == "__main__":
    if sys.argv[1] == "async":
        asyncio.run(async_main(sys.argv[2:]))
    else:
        main(sys.argv[2:])
