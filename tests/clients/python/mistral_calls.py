"""An application on mistralai's SDK. Knows nothing of tokmeter.

python mistral_calls.py CALL...
"""

import os

from mistralai.client import Mistral
from witness import main, spoken

CHAT = {
    "model": "mistral-large-latest",
    "messages": [{"role": "user", "content": "How many sheep make a flock?"}],
    "max_tokens": 64,
}
FIM = {"model": "codestral-latest", "prompt": "def count(sheep):", "suffix": "return total", "max_tokens": 64}


def client():
    """The SDK, which reads no key by itself."""
    return Mistral(api_key=os.environ["MISTRAL_API_KEY"])


def whole(reply):
    """What a reply says."""
    return spoken(reply.choices[0].message.content, reply.usage.prompt_tokens, reply.usage.completion_tokens)


def streamed(events):
    """What a stream says; its usage comes unasked."""
    text, usage = "", None
    for event in events:
        text += event.data.choices[0].delta.content or ""
        usage = event.data.usage or usage
    return spoken(text, usage.prompt_tokens, usage.completion_tokens)


def embeddings():
    """Embeddings of two texts."""
    reply = client().embeddings.create(model="mistral-embed", inputs=["one sheep", "two sheep"])
    return {"words": len(reply.data), "tokens": [reply.usage.prompt_tokens, 0]}


def ocr():
    """Two pages, paid by the page."""
    document = {"type": "document_url", "document_url": "https://sheep.example/flock.pdf"}
    reply = client().ocr.process(model="mistral-ocr-latest", document=document, pages=[0, 1])
    return {"words": len(reply.pages), "tokens": [0, 0], "pages": reply.usage_info.pages_processed}


if __name__ == "__main__":
    main(
        {
            "chat": lambda: whole(client().chat.complete(**CHAT)),
            "stream": lambda: streamed(client().chat.stream(**CHAT)),
            "fim": lambda: whole(client().fim.complete(**FIM)),
            "fim_stream": lambda: streamed(client().fim.stream(**FIM)),
            "embeddings": embeddings,
            "ocr": ocr,
        }
    )
