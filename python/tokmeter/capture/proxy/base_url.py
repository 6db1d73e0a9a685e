"""The mode in which the path of a request says which provider it is for: programs are told of the proxy as their base URL.

A reverse proxy whose destination is set at the head of each request, so several providers may be called on one connection.
Handlers of mitmproxy's hooks; who is called by which name is `upstreams`' to know. What names no provider is answered here
and reaches nobody: neither what was written for a proxy (a whole URL) nor TLS, for which no certificate is there.
"""

import json
from typing import Final, Protocol

from mitmproxy import http, tls
from mitmproxy.proxy import server_hooks

from tokmeter.capture.proxy.upstreams import Upstreams

MODE: Final = "base-url"
NOWHERE: Final = "base-url.invalid"
"""Where a reverse proxy would send what no request head has sent elsewhere. Nobody is connected to it."""


class Counting(Protocol):
    """The part of the meter that is needed here."""

    def unmetered(self, reason: str) -> None:
        """Counts what could not be read."""


class BaseUrl:
    """Handlers that give each request its destination."""

    def __init__(self, meter: Counting, upstreams: Upstreams) -> None:
        """Sends requests to `upstreams`."""
        self._meter = meter
        self._upstreams = upstreams
        names = ", ".join(upstreams.names)
        message = f"tokmeter: the first segment of the path must name a provider, as in /openai/v1; known are {names}"
        self._unknown = json.dumps(
            {"error": {"message": message, "type": "not_found_error", "code": "unknown_provider"}}
        ).encode()

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Puts the provider that the path names in the place of the proxy; runs before anything reads the request."""
        if flow.error is not None:
            return
        request = flow.request
        # A whole URL as the target is meant for a proxy: its path may be another host's.
        routed = None if request.data.authority else self._upstreams.route(request.data.path)
        if routed is None:
            self._meter.unmetered("unknown_provider")
            flow.response = self._not_found(head=request.method == "HEAD")
            return
        upstream, request.data.path = routed
        request.data.host, request.data.port = upstream.host, upstream.port
        request.scheme, request.host_header = upstream.scheme, upstream.authority

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Leaves TLS undecrypted: as it names no provider, it ends at `server_connect`."""
        data.ignore_connection = True
        self._meter.unmetered("tls_refused")

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Refuses what no request head has given a destination."""
        if data.server.address and data.server.address[0] == NOWHERE:
            data.server.error = "no provider was named"

    def _not_found(self, *, head: bool) -> http.Response:
        return http.Response.make(404, b"" if head else self._unknown, {"content-type": "application/json"})
