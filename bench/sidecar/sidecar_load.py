"""Clients of the sidecar, as applications are: through the proxy, over TLS, trusting its files. Knows no process."""

import json
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection

from sidecar_process import Sidecar

HOST = "api.openai.com"
EVENTS = 400
"""Pieces of a long stream."""
TOKENS = 210_000
"""Of a long stream: a megabyte, with what is around each piece."""
TIMEOUT_S = 60.0


def exchanges(sidecar: Sidecar, number: int, parallel: int) -> int:
    """So many usual replies of 2 KB, on `parallel` kept connections; bytes received."""
    with ThreadPoolExecutor(parallel) as pool:
        return sum(pool.map(lambda _: _calls(sidecar, number // parallel, "pad=2000", None), range(parallel)))


def streams(sidecar: Sidecar, parallel: int) -> int:
    """As many streams of a megabyte at once; bytes received."""
    gate = threading.Barrier(parallel)
    told = f"tokens={TOKENS},chunks={EVENTS}"
    with ThreadPoolExecutor(parallel) as pool:
        return sum(pool.map(lambda _: _calls(sidecar, 1, told, gate), range(parallel)))


def _calls(sidecar: Sidecar, number: int, told: str, gate: threading.Barrier | None) -> int:
    context = ssl.create_default_context(cafile=str(sidecar.trust / "bundle.pem"))
    connection = HTTPSConnection("127.0.0.1", sidecar.port, context=context, timeout=TIMEOUT_S)
    connection.set_tunnel(HOST, 443)
    connection.connect()
    if gate is not None:
        gate.wait()
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}], "stream": gate is not None}
    body = json.dumps(asked | {"max_tokens": TOKENS})
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-synthetic", "X-Simulate": told}
    received = 0
    for _ in range(number):
        connection.request("POST", "/v1/chat/completions", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200 or (gate is not None and not content.endswith(b"data: [DONE]\n\n")):
            raise RuntimeError(f"the reply is not whole: {answer.status}")
        received += len(content)
    connection.close()
    return received
