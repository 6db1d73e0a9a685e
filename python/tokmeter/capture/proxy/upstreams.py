"""Which provider the first segment of a path names, for clients whose base URL leads to the proxy.

The names are those of the table of detection, as far as a provider has one host that everybody calls, and those of the
configuration, which win. Behind its name a path is the provider's own, byte for byte: who writes
`http://127.0.0.1:15401/openai` where `https://api.openai.com` stood has changed nothing else. Pure; knows no flow.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from tokmeter._core import built_in_hosts
from tokmeter.errors import ConfigError

_NAMED = re.compile(rb"/([A-Za-z0-9._:-]+)(?=[/?]|\Z)")
"""No escapes: a name has one spelling."""
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a provider is."""

    host: str
    port: int
    tls: bool

    @property
    def scheme(self) -> str:
        """How it is spoken to."""
        return "https" if self.tls else "http"

    @property
    def authority(self) -> str:
        """What its requests name as their host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @classmethod
    def parse(cls, origin: str) -> "Upstream":
        """The one that `origin` names, as `https://host` or `http://host:port`. Raises `ConfigError`."""
        try:
            parts = urlsplit(origin)
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _PORTS or not parts.hostname or port == 0 or parts.path.strip("/"):
            raise ConfigError(f"{origin[:80]!r} is not the origin of a provider", hint="like https://llm.internal:8443")
        return cls(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "https")


class Upstreams:
    """The table of them, by name."""

    def __init__(self, own: Mapping[str, str]) -> None:
        """`own` is name to origin of what is known beside the built-in ones, and instead of those of the same name."""
        found = {name: Upstream.parse(origin) for name, origin in own.items()}
        for host, provider, _ in built_in_hosts():
            # A pattern is no host; of several hosts the table has the usual one first.
            if "*" not in host and not host.startswith("."):
                found.setdefault(provider, Upstream.parse(f"https://{host}"))
        self._named = {name.encode(): upstream for name, upstream in found.items()}
        self.names = tuple(found)
        """All names, those of the configuration first."""

    def route(self, target: bytes) -> tuple[Upstream, bytes] | None:
        """The provider that the path and query `target` name, and what to ask it for; None for any other. Never raises."""
        named = _NAMED.match(target)
        upstream = self._named.get(named[1]) if named else None
        if named is None or upstream is None:
            return None
        rest = target[named.end() :]
        return upstream, rest if rest.startswith(b"/") else b"/" + rest
