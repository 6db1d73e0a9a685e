"""An ordinary program that uses the official SDKs. It knows nothing of tokmeter.

It asks OpenAI and Anthropic in turn, streaming and not, until each has refused or `QUESTIONS` have been asked. Uses the
providers whose key is in the environment.
"""

import os
import sys

import anthropic
import openai

OPENAI_MODEL = os.environ.get("DEMO_OPENAI_MODEL", "gpt-4o")
ANTHROPIC_MODEL = os.environ.get("DEMO_ANTHROPIC_MODEL", "claude-sonnet-4-5")
MAX_TOKENS = 300
QUESTIONS = (
    "How many sheep make a flock?",
    "Why is the sea salty?",
    "Who repairs the lighthouse?",
    "What does a meter meter?",
)


def ask_openai(client: openai.OpenAI, question: str) -> str:
    """A whole reply."""
    reply = client.chat.completions.create(
        model=OPENAI_MODEL,
        max_completion_tokens=MAX_TOKENS,
        messages=[{"role": "user", "content": question}],
    )
    return reply.choices[0].message.content or ""


def stream_openai(client: openai.OpenAI, question: str) -> str:
    """A streamed reply; the program does not ask for usage."""
    stream = client.chat.completions.create(
        model=OPENAI_MODEL,
        max_completion_tokens=MAX_TOKENS,
        messages=[{"role": "user", "content": question}],
        stream=True,
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


def ask_anthropic(client: anthropic.Anthropic, question: str) -> str:
    """A whole reply."""
    reply = client.messages.create(
        model=ANTHROPIC_MODEL, max_tokens=MAX_TOKENS, messages=[{"role": "user", "content": question}]
    )
    return "".join(block.text for block in reply.content if block.type == "text")


def stream_anthropic(client: anthropic.Anthropic, question: str) -> str:
    """A streamed reply."""
    with client.messages.stream(
        model=ANTHROPIC_MODEL, max_tokens=MAX_TOKENS, messages=[{"role": "user", "content": question}]
    ) as stream:
        return "".join(stream.text_stream)


def main() -> None:
    """Ask until refused."""
    providers = {}
    if os.environ.get("OPENAI_API_KEY"):
        client = openai.OpenAI()
        providers["openai"] = [(ask_openai, client), (stream_openai, client)]
    if os.environ.get("ANTHROPIC_API_KEY"):
        other = anthropic.Anthropic()
        providers["anthropic"] = [(ask_anthropic, other), (stream_anthropic, other)]
    for question in QUESTIONS:
        for name, ways in list(providers.items()):
            for way, client in ways:
                try:
                    text = way(client, question)
                except (openai.APIError, anthropic.APIError) as error:
                    print(f"{way.__name__}: {type(error).__module__.partition('.')[0]}.{type(error).__name__}: {error}")
                    del providers[name]
                    break
                print(f"{way.__name__}: {len(text)} characters")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
