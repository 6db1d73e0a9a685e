"""An application on openai-python that asks a server of its own, where OPENAI_BASE_URL says it is. Knows nothing of tokmeter.

python self_hosted_calls.py chat|stream|completion|completion_stream|embeddings...
"""

import openai
from witness import main, spoken

MODEL = "flock-tiny"
QUESTION = [{"role": "user", "content": "How many sheep make a flock?"}]
SETTINGS = {"model": MODEL, "max_tokens": 12, "temperature": 0}
PROMPT = "How many sheep make a flock?"


def told(usage):
    """Input and output tokens, if any were told."""
    return (usage.prompt_tokens, getattr(usage, "completion_tokens", 0)) if usage else ()


def chat(client):
    """A whole reply."""
    reply = client.chat.completions.create(messages=QUESTION, **SETTINGS)
    return spoken(reply.choices[0].message.content, *told(reply.usage))


def stream(client):
    """A streamed reply."""
    text, usage = "", None
    for chunk in client.chat.completions.create(messages=QUESTION, stream=True, **SETTINGS):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    return spoken(text, *told(usage))


def completion(client):
    """The older kind of reply."""
    reply = client.completions.create(prompt=PROMPT, **SETTINGS)
    return spoken(reply.choices[0].text, *told(reply.usage))


def completion_stream(client):
    """The older kind, streamed."""
    text, usage = "", None
    for chunk in client.completions.create(prompt=PROMPT, stream=True, **SETTINGS):
        text += chunk.choices[0].text if chunk.choices else ""
        usage = chunk.usage or usage
    return spoken(text, *told(usage))


def embeddings(client):
    """What one text is to the model."""
    reply = client.embeddings.create(model=MODEL, input="one sheep")
    return spoken(None, *told(reply.usage))


if __name__ == "__main__":
    with openai.OpenAI() as made:
        main(
            {
                call.__name__: lambda call=call: call(made)
                for call in (chat, stream, completion, completion_stream, embeddings)
            }
        )
