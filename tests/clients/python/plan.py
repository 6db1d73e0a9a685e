"""What the HTTP applications have in common: the requests of a file, bodies in pieces, the line about a reply."""

import hashlib
import json


def calls(path):
    """Method, URL, headers, body and whether its length is not told, for each request of the file."""
    with open(path) as file:
        plan = json.load(file)
    for call in plan:
        body = None
        if call["body"]:
            with open(call["body"], "rb") as file:
                body = file.read()
        yield "POST" if call["body"] else "GET", call["url"], call["headers"], body, call["chunked"]


def pieces(body, size=65_536):
    """The body in pieces."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


def show(status, protocol, raw):
    """The line about a reply; `raw` is its body as it came, unopened."""
    line = {"status": status, "protocol": protocol, "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    print(json.dumps(line), flush=True)
