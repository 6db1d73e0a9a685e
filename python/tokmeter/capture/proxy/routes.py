"""Where upstream connections really go. Owns the table of redirected hosts; knows nothing of TLS names, which stay as they are."""

from collections.abc import Mapping

from tokmeter.capture.proxy.settings import split_address


class Routes:
    """Host, or host and port, to the address that is connected to instead."""

    def __init__(self, connect_to: Mapping[str, str]) -> None:
        """Reads `connect_to` as `ProxySettings` documents it."""
        self._targets = {
            host.lower(): split_address(target, what=f"connect_to of {host}") for host, target in connect_to.items()
        }

    def target(self, names: tuple[str | None, ...], address: tuple[str, int]) -> tuple[str, int]:
        """The address to connect to for a server known under `names`, the most telling first."""
        if self._targets:
            for name in (*names, address[0]):
                if name is None:
                    continue
                key = name.lower()
                found = self._targets.get(f"{key}:{address[1]}") or self._targets.get(key)
                if found is not None:
                    return found
        return address
