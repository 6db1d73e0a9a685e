"""Keeps the proxy from connecting to itself, which would go round until descriptors run out."""

from mitmproxy.proxy import server_hooks

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class LoopGuard:
    """Handler of mitmproxy's hook for upstream connections."""

    def __init__(self, listening: list[tuple[str, int]]) -> None:
        """`listening` holds the proxy's own addresses, as they become known."""
        self._listening = listening

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Refuses a connection to an address of the proxy's own."""
        address, own = data.server.address, data.client.sockname
        if address is None:
            return
        host, port = address[0], address[1]
        reached = (host, port) == (own[0], own[1])
        if not reached and host in _THIS_MACHINE:
            reached = any(port == listening[1] for listening in self._listening)
        if reached or (host, port) in self._listening:
            data.server.error = "the destination is the proxy itself"
