"""One question, as an application of that library asks it: ``ask.py LIBRARY HOST:PORT``.

Prints `accepted` and the status of the reply, or `refused` and what the library says of the certificate.
"""

import asyncio
import queue
import sys

URL = "https://{place}/v1/chat/completions"
QUESTION = {
    "model": "gpt-4o",
    "messages": [{"role": "user", "content": "How many sheep make a flock?"}],
    "max_tokens": 64,
}
HEADERS = {"authorization": "Bearer sk-of-nobody"}


def with_requests(place):
    import requests

    return requests.post(URL.format(place=place), json=QUESTION, headers=HEADERS, timeout=20).status_code


def with_httpx(place):
    import httpx

    return httpx.post(URL.format(place=place), json=QUESTION, headers=HEADERS, timeout=20).status_code


def with_aiohttp(place):
    import aiohttp

    async def ask():
        url = URL.format(place=place)
        async with aiohttp.ClientSession() as session, session.post(url, json=QUESTION, headers=HEADERS) as reply:
            await reply.read()
            return reply.status

    return asyncio.run(ask())


def with_urllib(place):
    import json
    import urllib.request

    headers = HEADERS | {"content-type": "application/json"}
    request = urllib.request.Request(URL.format(place=place), json.dumps(QUESTION).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as reply:
        return reply.status


def with_boto3(place):
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=f"https://{place}",
        aws_access_key_id="AKIAOFNOBODY",
        aws_secret_access_key="of-nobody",
        config=Config(retries={"total_max_attempts": 1}),
    )
    reply = client.converse(
        modelId="anthropic.claude-3-haiku-20240307-v1:0",
        messages=[{"role": "user", "content": [{"text": "How many sheep make a flock?"}]}],
    )
    return reply["ResponseMetadata"]["HTTPStatusCode"]


def with_grpcio(place):
    import grpc

    states = queue.SimpleQueue()
    with grpc.secure_channel(place, grpc.ssl_channel_credentials()) as channel:
        channel.subscribe(states.put, try_to_connect=True)
        while (state := states.get(timeout=20)) is not grpc.ChannelConnectivity.READY:
            if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                # The state does not say why; a call does.
                channel.unary_unary("/a.Service/Method")(b"", timeout=20)
    return "ready"


def reasons(error):
    """What failed, down to its first cause."""
    while error is not None:
        details = getattr(error, "details", None)
        yield f"{type(error).__name__}: {details() if callable(details) else error}"
        error = error.__cause__ or error.__context__


try:
    print("accepted", globals()[f"with_{sys.argv[1]}"](sys.argv[2]))
except Exception as failed:
    print("refused", " <- ".join(reasons(failed)))
