"""An application on ollama's client. Knows nothing of tokmeter.

python ollama_calls.py CALL...
"""

import ollama
from witness import main, spoken

MODEL = "llama3.2"
CHAT = {"model": MODEL, "messages": [{"role": "user", "content": "How many sheep make a flock?"}]}
PROMPT = {"model": MODEL, "prompt": "How many sheep make a flock?"}


def told(reply, text):
    """What the last line says."""
    return spoken(text, reply.prompt_eval_count, reply.eval_count)


def stream():
    """A chat in lines."""
    text = ""
    for part in ollama.Client().chat(**CHAT, stream=True):
        text += part.message.content or ""
        last = part
    return told(last, text)


def generate_stream():
    """A completion in lines."""
    text = ""
    for part in ollama.Client().generate(**PROMPT, stream=True):
        text += part.response or ""
        last = part
    return told(last, text)


def chat():
    """A whole chat."""
    reply = ollama.Client().chat(**CHAT)
    return told(reply, reply.message.content)


def generate():
    """A whole completion."""
    reply = ollama.Client().generate(**PROMPT)
    return told(reply, reply.response)


def embed():
    """Embeddings of two texts."""
    reply = ollama.Client().embed(model="nomic-embed-text", input=["one sheep", "two sheep"])
    return {"words": len(reply.embeddings), "tokens": [reply.prompt_eval_count, 0]}


if __name__ == "__main__":
    main(
        {
            "chat": chat,
            "stream": stream,
            "generate": generate,
            "generate_stream": generate_stream,
            "embed": embed,
        }
    )
