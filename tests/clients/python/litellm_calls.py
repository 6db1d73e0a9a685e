"""An application on litellm, which speaks each provider's own API. Knows nothing of tokmeter.

python litellm_calls.py PROVIDER|PROVIDER_stream...
"""

import functools

import litellm
from witness import main, spoken

litellm.suppress_debug_info = True
CHAT = {"messages": [{"role": "user", "content": "How many sheep make a flock?"}], "max_tokens": 64}
MODELS = {
    "openai": "openai/gpt-4o",
    "anthropic": "anthropic/claude-sonnet-4-5",
    "gemini": "gemini/gemini-2.5-flash",
    "bedrock": "bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "cohere": "cohere_chat/command-a-03-2025",
    "mistral": "mistral/mistral-large-latest",
    "groq": "groq/llama-3.3-70b-versatile",
    "deepseek": "deepseek/deepseek-chat",
    "xai": "xai/grok-4",
    "openrouter": "openrouter/openai/gpt-4o",
    "perplexity": "perplexity/sonar",
    "together": "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "fireworks": "fireworks_ai/accounts/fireworks/models/llama-v3p3-70b-instruct",
}


def chat(model):
    """A whole reply."""
    reply = litellm.completion(model=model, num_retries=0, **CHAT)
    usage = reply.usage
    return spoken(reply.choices[0].message.content, usage.prompt_tokens, usage.completion_tokens)


def stream(model):
    """A streamed reply; the library asks for usage where that is needed."""
    text, usage = "", None
    options = {"include_usage": True}
    for chunk in litellm.completion(model=model, num_retries=0, stream=True, stream_options=options, **CHAT):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = getattr(chunk, "usage", None) or usage
    return spoken(text, usage.prompt_tokens, usage.completion_tokens)


if __name__ == "__main__":
    calls = {name: functools.partial(chat, model) for name, model in MODELS.items()}
    calls |= {f"{name}_stream": functools.partial(stream, model) for name, model in MODELS.items()}
    # The library takes each line of this stream for JSON, and fails at the name of the first event.
    del calls["cohere_stream"]
    main(calls)
