"""Which host a request is for, as far as it can be trusted. Pure: reads a flow, changes nothing."""

from mitmproxy import http
from mitmproxy.proxy import mode_specs


def destination(flow: http.HTTPFlow) -> tuple[str, int]:
    """Host and port of the provider that `flow` is for.

    Behind TLS it is the name the handshake asked for and the provider proves; a Host header could say anything. Without
    TLS and in transparent mode there is nothing but the Host header, or the address.
    """
    client = flow.client_conn
    request = flow.request
    host = request.host
    if not isinstance(client.proxy_mode, mode_specs.ReverseMode):
        if client.tls_established:
            host = client.sni or host
        elif isinstance(client.proxy_mode, mode_specs.TransparentMode):
            host = request.pretty_host
    return host.lower().removesuffix("."), request.port
