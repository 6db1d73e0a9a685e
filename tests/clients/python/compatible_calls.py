"""An application on openai-python that asks providers of the same shape, and Azure. Knows nothing of tokmeter.

python compatible_calls.py PROVIDER|PROVIDER_stream|PROVIDER_stream_with_usage...
"""

import functools

import openai
from witness import main, spoken

CHAT = {"messages": [{"role": "user", "content": "How many sheep make a flock?"}], "max_tokens": 64}
PROVIDERS = {
    "openai": ("https://api.openai.com/v1", "gpt-4o"),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-2.5-flash"),
    "mistral": ("https://api.mistral.ai/v1", "mistral-large-latest"),
    "groq": ("https://api.groq.com/openai/v1", "llama-3.3-70b-versatile"),
    "deepseek": ("https://api.deepseek.com", "deepseek-chat"),
    "xai": ("https://api.x.ai/v1", "grok-4"),
    "openrouter": ("https://openrouter.ai/api/v1", "openai/gpt-4o"),
    "perplexity": ("https://api.perplexity.ai", "sonar"),
    "together": ("https://api.together.xyz/v1", "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    "fireworks": ("https://api.fireworks.ai/inference/v1", "accounts/fireworks/models/llama-v3p3-70b-instruct"),
    "ollama": ("https://ollama.com/v1", "llama3.2"),
    "tgi": ("https://flock.us-east-1.aws.endpoints.huggingface.cloud/v1", "tgi"),
}
AZURE = "https://flock.openai.azure.com"


def client(provider):
    """The same library, told of another place."""
    if provider == "azure":
        return openai.AzureOpenAI(azure_endpoint=AZURE, api_version="2024-10-21"), "shepherd"
    url, model = PROVIDERS[provider]
    return openai.OpenAI(base_url=url), model


def told(usage):
    """Input and output tokens, if any were told."""
    return (usage.prompt_tokens, usage.completion_tokens) if usage else ()


def chat(provider):
    """A whole reply."""
    made, model = client(provider)
    reply = made.chat.completions.create(model=model, **CHAT)
    return spoken(reply.choices[0].message.content, *told(reply.usage))


def stream(provider, **more):
    """A streamed reply."""
    made, model = client(provider)
    text, usage = "", None
    for chunk in made.chat.completions.create(model=model, stream=True, **CHAT, **more):
        text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
        usage = chunk.usage or usage
    return spoken(text, *told(usage))


if __name__ == "__main__":
    calls = {}
    for provider in (*PROVIDERS, "azure"):
        calls[provider] = functools.partial(chat, provider)
        calls[f"{provider}_stream"] = functools.partial(stream, provider)
        calls[f"{provider}_stream_with_usage"] = functools.partial(
            stream, provider, stream_options={"include_usage": True}
        )
    main(calls)
