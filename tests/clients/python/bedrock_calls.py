"""An application on boto3's client of Bedrock, and on Anthropic's SDK for it. Knows nothing of tokmeter.

python bedrock_calls.py CALL...
"""

import hashlib
import json

import anthropic
import boto3
import witness
from witness import spoken

REGION = "us-east-1"
QUESTION = "How many sheep make a flock?"
CHAT = [{"role": "user", "content": [{"text": QUESTION}]}]
NATIVE = [{"role": "user", "content": QUESTION}]
CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
BODIES = {
    CLAUDE: {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": NATIVE},
    "amazon.nova-micro-v1:0": {"schemaVersion": "messages-v1", "messages": CHAT},
    "amazon.titan-text-lite-v1": {"inputText": QUESTION, "textGenerationConfig": {"maxTokenCount": 64}},
    "meta.llama3-8b-instruct-v1:0": {"prompt": QUESTION, "max_gen_len": 64},
    "cohere.command-text-v14": {"prompt": QUESTION, "max_tokens": 64},
}
MODELS = {"claude": CLAUDE, **{name.split(".")[1].split("-")[0]: name for name in BODIES if name != CLAUDE}}


class Tee:
    """A raw reply whose bytes are hashed while botocore reads them."""

    def __init__(self, raw, entry):
        self.raw = raw
        self.hash = hashlib.sha256()
        self.entry = entry

    def stream(self, *args, **kwargs):
        """As urllib3 hands them out."""
        for chunk in self.raw.stream(*args, **kwargs):
            self.hash.update(chunk)
            self.entry["got"] = self.hash.hexdigest()
            yield chunk

    def __getattr__(self, name):
        return getattr(self.raw, name)


def client():
    """boto3 as it comes, with a look at each signed request before it leaves."""
    made = boto3.client("bedrock-runtime", region_name=REGION)

    def leaving(request, **_):
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        signature = request.headers["Authorization"]
        signature = signature.encode() if isinstance(signature, str) else signature
        hashes = {"sent": hashlib.sha256(body).hexdigest(), "signature": hashlib.sha256(signature).hexdigest()}
        witness.SEEN.append(hashes)

    made.meta.events.register("before-send.bedrock-runtime", leaving)
    return made


def read(events):
    """The events of a stream, whose checksums botocore compares; their bytes are hashed."""
    events._raw_stream = Tee(events._raw_stream, witness.SEEN[-1])
    events._event_generator = events._create_raw_event_generator()
    return events


def converse():
    """A whole reply."""
    reply = client().converse(modelId=CLAUDE, messages=CHAT, inferenceConfig={"maxTokens": 64})
    usage = reply["usage"]
    text = reply["output"]["message"]["content"][0]["text"]
    return spoken(text, usage["inputTokens"], usage["outputTokens"], usage.get("cacheReadInputTokens"))


def converse_stream():
    """A stream of events."""
    reply = client().converse_stream(modelId=CLAUDE, messages=CHAT, inferenceConfig={"maxTokens": 64})
    text, usage = "", {"inputTokens": 0, "outputTokens": 0}
    for event in read(reply["stream"]):
        if "contentBlockDelta" in event:
            text += event["contentBlockDelta"]["delta"]["text"]
        if "metadata" in event:
            usage = event["metadata"]["usage"]
    return spoken(text, usage["inputTokens"], usage["outputTokens"], usage.get("cacheReadInputTokens"))


def invoke(model):
    """A model's own body; the tokens are those of the header."""
    reply = client().invoke_model(modelId=model, body=json.dumps(BODIES[model]))
    body = reply["body"].read()
    witness.SEEN[-1]["got"] = hashlib.sha256(body).hexdigest()
    headers = reply["ResponseMetadata"]["HTTPHeaders"]
    tokens = [int(headers[f"x-amzn-bedrock-{way}-token-count"]) for way in ("input", "output")]
    return {"words": None, "tokens": [*tokens, 0], "keys": sorted(json.loads(body))}


def invoke_stream(model):
    """The same in chunks; the tokens are those of the last."""
    reply = client().invoke_model_with_response_stream(modelId=model, body=json.dumps(BODIES[model]))
    metrics = {}
    for event in read(reply["body"]):
        value = json.loads(event["chunk"]["bytes"])
        metrics = value.get("amazon-bedrock-invocationMetrics", metrics)
    return {"words": None, "tokens": [metrics["inputTokenCount"], metrics["outputTokenCount"], 0]}


def sdk(**more):
    """Anthropic's own SDK on Bedrock, which signs by itself."""
    made = anthropic.AnthropicBedrock(aws_region=REGION)
    return made.messages.create(model=CLAUDE, max_tokens=64, messages=NATIVE, **more)


def sdk_whole():
    """A message."""
    message = sdk()
    return spoken(message.content[0].text, message.usage.input_tokens, message.usage.output_tokens, 0)


def sdk_stream():
    """Its events."""
    text, tokens = "", [0, 0]
    for event in sdk(stream=True):
        if event.type == "message_start":
            tokens[0] = event.message.usage.input_tokens
        elif event.type == "message_delta":
            tokens[1] = event.usage.output_tokens
        elif event.type == "content_block_delta":
            text += event.delta.text
    return spoken(text, *tokens, 0)


def failed(error):
    """botocore's errors tell a code by name."""
    told = getattr(error, "response", None)
    if not isinstance(told, dict):
        return witness.failure(error)
    status = told["ResponseMetadata"]["HTTPStatusCode"]
    return {"error": type(error).__name__, "status": status, "type": told["Error"]["Code"]}


if __name__ == "__main__":
    calls = {"converse": converse, "converse_stream": converse_stream, "sdk": sdk_whole, "sdk_stream": sdk_stream}
    for short, long in MODELS.items():
        calls[f"invoke_{short}"] = lambda model=long: invoke(model)
        calls[f"invoke_{short}_stream"] = lambda model=long: invoke_stream(model)
    witness.main(calls, failed)
