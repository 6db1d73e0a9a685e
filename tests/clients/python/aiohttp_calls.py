"""An application on aiohttp: makes the requests of a file and prints what came back."""

import asyncio
import sys

import aiohttp
from plan import calls, pieces, show


async def in_pieces(body):
    """The body in pieces, as aiohttp wants them."""
    for piece in pieces(body):
        yield piece


async def main(path):
    """All on one session; `trust_env` is how aiohttp is told to look at the environment."""
    async with aiohttp.ClientSession(trust_env=True, auto_decompress=False) as session:
        for method, url, headers, body, chunked in calls(path):
            data = in_pieces(body) if chunked else body
            async with session.request(method, url, headers=headers, data=data) as reply:
                show(reply.status, f"HTTP/{reply.version.major}.{reply.version.minor}", await reply.read())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
