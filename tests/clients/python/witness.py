"""What the Python programs share: calls by name, one line each, and hashes of the bytes that an SDK sent and got.

The SDKs bring one of two HTTP libraries. Their transports are watched in place, below everything that an SDK does.
"""

import hashlib
import importlib
import json
import sys

SEEN = []
"""Hashes of the bodies of each request and its reply, as they were on the wire."""


class Watched:
    """A body that is hashed as it is read; opened or not, sync or async, as the one inside is."""

    def __init__(self, inner, entry):
        self.inner = inner
        self.entry = entry
        self.hash = hashlib.sha256()
        entry["got"] = None

    def take(self, chunk):
        """One chunk on its way."""
        self.hash.update(chunk)
        self.entry["got"] = self.hash.hexdigest()
        return chunk

    def __iter__(self):
        self.take(b"")
        for chunk in self.inner:
            yield self.take(chunk)

    async def __aiter__(self):
        self.take(b"")
        async for chunk in self.inner:
            yield self.take(chunk)

    def close(self):
        """As the one inside."""
        self.inner.close()

    async def aclose(self):
        """As the one inside."""
        await self.inner.aclose()


def watch(library):
    """Watches every transport of a library that is called httpx or like it."""

    class WatchedSync(Watched, library.SyncByteStream):
        pass

    class WatchedAsync(Watched, library.AsyncByteStream):
        pass

    def entry(request):
        SEEN.append({"sent": hashlib.sha256(request.read()).hexdigest()})
        return SEEN[-1]

    inner = library.HTTPTransport.handle_request
    inner_async = library.AsyncHTTPTransport.handle_async_request

    def handle(self, request):
        made = entry(request)
        response = inner(self, request)
        response.stream = WatchedSync(response.stream, made)
        return response

    async def handle_async(self, request):
        await request.aread()
        made = entry(request)
        response = await inner_async(self, request)
        response.stream = WatchedAsync(response.stream, made)
        return response

    library.HTTPTransport.handle_request = handle
    library.AsyncHTTPTransport.handle_async_request = handle_async


for name in ("httpx", "httpx2"):
    watch(importlib.import_module(name))


def spoken(text, *tokens):
    """What a reply is reported as: its words, and the tokens that the SDK told of."""
    return {"words": len((text or "").split()), "tokens": [count or 0 for count in tokens]}


def failure(error):
    """What an application sees of an error."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return {"error": type(error).__name__, "status": status}


def main(calls, failed=failure):
    """Makes the calls that the command line names, one after another, and prints a line about each."""
    for name in sys.argv[1:]:
        SEEN.clear()
        try:
            result = calls[name]()
        except Exception as error:
            result = failed(error)
        print(json.dumps({"call": name, **result, "wire": SEEN}), flush=True)
