"""An application on cohere's SDK, of both versions of the API. Knows nothing of tokmeter.

python cohere_calls.py CALL...
"""

import cohere
from witness import main, spoken

MODEL = "command-a-03-2025"
QUESTION = "How many sheep make a flock?"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 64}
OLD = {"model": MODEL, "message": QUESTION, "max_tokens": 64}


def billed(units):
    """Input and output tokens as they are billed."""
    return int(units.input_tokens or 0), int(units.output_tokens or 0)


def chat():
    """A whole reply."""
    reply = cohere.ClientV2().chat(**CHAT)
    return spoken(reply.message.content[0].text, *billed(reply.usage.billed_units))


def stream():
    """A streamed reply."""
    text, units = "", None
    for event in cohere.ClientV2().chat_stream(**CHAT):
        if event.type == "content-delta":
            text += event.delta.message.content.text
        elif event.type == "message-end":
            units = event.delta.usage.billed_units
    return spoken(text, *billed(units))


def embed():
    """Embeddings of two texts."""
    reply = cohere.ClientV2().embed(
        model="embed-v4.0", texts=["one sheep", "two sheep"], input_type="search_document", embedding_types=["float"]
    )
    return {"words": len(reply.embeddings.float_), "tokens": list(billed(reply.meta.billed_units))}


def rerank():
    """An order of documents, paid by the search."""
    reply = cohere.ClientV2().rerank(model="rerank-v3.5", query=QUESTION, documents=["a sheep", "a goat"])
    return {"words": len(reply.results), "tokens": [0, 0], "searches": int(reply.meta.billed_units.search_units)}


def old_chat():
    """A whole reply of the first version."""
    reply = cohere.Client().chat(**OLD)
    return spoken(reply.text, *billed(reply.meta.billed_units))


def old_stream():
    """A streamed one: lines of JSON."""
    text, units = "", None
    for event in cohere.Client().chat_stream(**OLD):
        if event.event_type == "text-generation":
            text += event.text
        elif event.event_type == "stream-end":
            units = event.response.meta.billed_units
    return spoken(text, *billed(units))


if __name__ == "__main__":
    main(
        {
            "chat": chat,
            "stream": stream,
            "embed": embed,
            "rerank": rerank,
            "old_chat": old_chat,
            "old_stream": old_stream,
        }
    )
