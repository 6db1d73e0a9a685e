"""An application on the slower ways of openai-python and anthropic-python: batches, runs, media. Knows nothing of tokmeter.

python batch_calls.py CALL...
"""

import io
import json

import anthropic
import openai
from witness import main, spoken

QUESTION = [{"role": "user", "content": "How many sheep make a flock?"}]
SOUND = b"\x00\x01" * 32_000
"""Two seconds of what the simulated provider takes for sound."""


def finished(poll, done):
    """Asks until it is done."""
    while True:
        state = poll()
        if done(state):
            return state


def batch():
    """Two requests in a file, and a file of their replies."""
    client = openai.OpenAI()
    body = {"model": "gpt-4o", "messages": QUESTION, "max_completion_tokens": 64}
    asked = [{"custom_id": f"{n}", "method": "POST", "url": "/v1/chat/completions", "body": body} for n in range(2)]
    file = client.files.create(
        file=("flock.jsonl", io.BytesIO("\n".join(map(json.dumps, asked)).encode())), purpose="batch"
    )
    made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    ended = finished(lambda: client.batches.retrieve(made.id), lambda state: state.status == "completed")
    lines = client.files.content(ended.output_file_id).text.splitlines()
    usages = [json.loads(line)["response"]["body"]["usage"] for line in lines]
    return {
        "words": len(lines),
        "tokens": [sum(u["prompt_tokens"] for u in usages), sum(u["completion_tokens"] for u in usages)],
    }


def message_batch():
    """The same with Anthropic."""
    client = anthropic.Anthropic()
    params = {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": QUESTION}
    made = client.messages.batches.create(requests=[{"custom_id": f"{n}", "params": params} for n in range(2)])
    finished(lambda: client.messages.batches.retrieve(made.id), lambda state: state.processing_status == "ended")
    usages = [result.result.message.usage for result in client.messages.batches.results(made.id)]
    return {
        "words": len(usages),
        "tokens": [sum(u.input_tokens for u in usages), sum(u.output_tokens for u in usages)],
    }


def run():
    """An assistant's run, polled twice more than is needed."""
    client = openai.OpenAI()
    assistant = client.beta.assistants.create(model="gpt-4o")
    thread = client.beta.threads.create(messages=QUESTION)
    made = client.beta.threads.runs.create(thread_id=thread.id, assistant_id=assistant.id)

    def poll():
        return client.beta.threads.runs.retrieve(made.id, thread_id=thread.id)

    finished(poll, lambda state: state.status == "completed")
    poll()
    usage = poll().usage
    newest = client.beta.threads.messages.list(thread.id).data[0]
    return spoken(newest.content[0].text.value, usage.prompt_tokens, usage.completion_tokens)


def transcription(model):
    """Text of a sound; by the token or by the second."""
    reply = openai.OpenAI().audio.transcriptions.create(model=model, file=("flock.wav", SOUND))
    usage = reply.usage
    if usage.type == "duration":
        return {**spoken(reply.text), "seconds": usage.seconds}
    return spoken(reply.text, usage.input_tokens, usage.output_tokens)


def speech():
    """Sound of a text."""
    reply = openai.OpenAI().audio.speech.create(model="tts-1", voice="alloy", input="How many sheep?")
    return {"words": 0, "tokens": [], "bytes": len(reply.content)}


def image(model):
    """A picture; by the token or by the piece."""
    reply = openai.OpenAI().images.generate(model=model, prompt="A flock of sheep")
    tokens = [reply.usage.input_tokens, reply.usage.output_tokens] if reply.usage else []
    return {"words": len(reply.data), "tokens": tokens}


def moderation():
    """A verdict, which is free."""
    reply = openai.OpenAI().moderations.create(input="How many sheep?")
    return {"words": len(reply.results), "tokens": []}


if __name__ == "__main__":
    main(
        {
            "batch": batch,
            "message_batch": message_batch,
            "run": run,
            "transcription": lambda: transcription("gpt-4o-transcribe"),
            "whisper": lambda: transcription("whisper-1"),
            "speech": speech,
            "image": lambda: image("gpt-image-1"),
            "dalle": lambda: image("dall-e-3"),
            "moderation": moderation,
        }
    )
