"""An application on google-genai, and on Anthropic's SDK for Vertex. Knows nothing of tokmeter.

python google_calls.py CALL...
"""

import anthropic
import google.auth.credentials
import google.genai
from google.genai import types
from witness import main, spoken

MODEL = "gemini-2.5-flash"
QUESTION = "How many sheep make a flock?"
CONFIG = types.GenerateContentConfig(max_output_tokens=64, system_instruction="You herd sheep.")
CLAUDE = {
    "model": "claude-sonnet-4-5@20250929",
    "max_tokens": 64,
    "messages": [{"role": "user", "content": QUESTION}],
}


class Fixed(google.auth.credentials.Credentials):
    """Credentials that are never asked of anybody."""

    def refresh(self, request):
        """Does not expire."""

    def __init__(self):
        super().__init__()
        self.token = "synthetic"


def gemini():
    """The client of the Gemini API, whose key is in the environment."""
    return google.genai.Client()


def vertex():
    """The same library on Vertex."""
    return google.genai.Client(vertexai=True, project="flock", location="us-central1", credentials=Fixed())


def told(usage):
    """Input, output (thoughts included) and cached tokens."""
    thoughts = usage.thoughts_token_count or 0
    return usage.prompt_token_count, (usage.candidates_token_count or 0) + thoughts, usage.cached_content_token_count


def content(client):
    """A whole reply."""
    reply = client.models.generate_content(model=MODEL, contents=QUESTION, config=CONFIG)
    return spoken(reply.text, *told(reply.usage_metadata))


def stream(client):
    """A streamed reply; the last totals are right."""
    text, usage = "", None
    for chunk in client.models.generate_content_stream(model=MODEL, contents=QUESTION, config=CONFIG):
        text += chunk.text or ""
        usage = chunk.usage_metadata or usage
    return spoken(text, *told(usage))


def count():
    """Counting, which is free."""
    client = gemini()
    return spoken("", client.models.count_tokens(model=MODEL, contents=QUESTION).total_tokens, 0, 0)


def embed():
    """Embeddings of two texts."""
    client = gemini()
    reply = client.models.embed_content(model="gemini-embedding-001", contents=["one sheep", "two sheep"])
    return {"words": len(reply.embeddings), "tokens": None}


def claude(**more):
    """Claude on Vertex."""
    client = anthropic.AnthropicVertex(project_id="flock", region="us-central1", access_token="synthetic")
    return client.messages.create(**CLAUDE, **more)


def claude_whole():
    """A message."""
    message = claude()
    return spoken(message.content[0].text, message.usage.input_tokens, message.usage.output_tokens, 0)


def claude_stream():
    """Its events."""
    text, tokens = "", [0, 0]
    for event in claude(stream=True):
        if event.type == "message_start":
            tokens[0] = event.message.usage.input_tokens
        elif event.type == "message_delta":
            tokens[1] = event.usage.output_tokens
        elif event.type == "content_block_delta":
            text += event.delta.text
    return spoken(text, *tokens, 0)


def failed(error):
    """Google's errors tell a status by name."""
    status = getattr(error, "code", None) or getattr(error, "status_code", None)
    return {"error": type(error).__name__, "status": status, "type": getattr(error, "status", None)}


if __name__ == "__main__":
    main(
        {
            "content": lambda: content(gemini()),
            "stream": lambda: stream(gemini()),
            "count": count,
            "embed": embed,
            "vertex_content": lambda: content(vertex()),
            "vertex_stream": lambda: stream(vertex()),
            "claude": claude_whole,
            "claude_stream": claude_stream,
        },
        failed,
    )
