"""An application on groq's SDK. Knows nothing of tokmeter.

python groq_calls.py CALL...
"""

import groq
from witness import main, spoken

CHAT = {
    "model": "llama-3.3-70b-versatile",
    "messages": [{"role": "user", "content": "How many sheep make a flock?"}],
    "max_tokens": 64,
}


def chat():
    """A whole reply."""
    reply = groq.Groq().chat.completions.create(**CHAT)
    return spoken(reply.choices[0].message.content, reply.usage.prompt_tokens, reply.usage.completion_tokens)


def stream(**more):
    """A stream, whose usage comes in a field of the provider's own."""
    text, usage = "", None
    for chunk in groq.Groq().chat.completions.create(**CHAT, stream=True, **more):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = (chunk.x_groq.usage if chunk.x_groq else None) or usage
    return spoken(text, usage.prompt_tokens, usage.completion_tokens)


if __name__ == "__main__":
    main(
        {
            "chat": chat,
            "stream": stream,
            "stream_with_usage": lambda: stream(extra_body={"stream_options": {"include_usage": True}}),
        }
    )
