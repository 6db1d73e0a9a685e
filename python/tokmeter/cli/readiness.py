"""Waiting for a proxy that another process runs. Starts nothing."""

from __future__ import annotations

import http.client
import time
import urllib.request

from tokmeter.cli.options import listen_address
from tokmeter.errors import TokmeterError

POLL_S = 0.1
ANSWER_S = 1.0
"""What one answer may take."""

_EVERYWHERE = {"::": "::1", "0.0.0.0": "127.0.0.1"}  # noqa: S104 - addresses to tell apart, not to listen on


def await_ready(metrics: str, seconds: float) -> None:
    """Returns once the proxy whose metrics are served at `metrics` is ready. Raises `TokmeterError` after `seconds`."""
    place = listen_address(metrics, "--metrics")
    host = _EVERYWHERE.get(place.host, place.host)
    # Where everything is listened on, IPv4 is there whether or not IPv6 is.
    hosts = [host, "127.0.0.1"] if place.host == "::" else [host]
    urls = [f"http://{f'[{name}]' if ':' in name else name}:{place.port}/readyz" for name in hosts]
    end = time.monotonic() + seconds
    while not any(_ready(url) for url in urls):
        if time.monotonic() >= end:
            hint = "its log says why; --metrics must be the address that it serves"
            raise TokmeterError(f"no proxy was ready within {seconds:g} s", where=urls[0], hint=hint)
        time.sleep(POLL_S)


def _ready(url: str) -> bool:
    # Straight there: the proxy variables of the program beside it must not count here.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=ANSWER_S) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):
        return False
