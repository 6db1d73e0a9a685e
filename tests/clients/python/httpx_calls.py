"""An application on httpx that would speak HTTP/2, too: makes the requests of a file and prints what came back."""

import sys

import httpx
from plan import calls, pieces, show


def main(path):
    """All on one client."""
    with httpx.Client(http2=True, timeout=60) as client:
        for method, url, headers, body, chunked in calls(path):
            content = pieces(body) if chunked else body
            with client.stream(method, url, headers=headers, content=content) as reply:
                show(reply.status_code, reply.http_version, b"".join(reply.iter_raw()))


if __name__ == "__main__":
    main(sys.argv[1])
