"""An application on requests: makes the requests of a file and prints what came back."""

import sys

import requests
from plan import calls, pieces, show


def main(path):
    """All on one session."""
    with requests.Session() as session:
        for method, url, headers, body, chunked in calls(path):
            data = pieces(body) if chunked else body
            reply = session.request(method, url, headers=headers, data=data, stream=True)
            show(reply.status_code, "HTTP/1.1", reply.raw.read(decode_content=False))


if __name__ == "__main__":
    main(sys.argv[1])
