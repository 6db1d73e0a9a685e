"""What the proxy is told: where to listen, how to meet clients, whom to trust. Knows no file format and no defaults of others."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mitmproxy.proxy import mode_specs

from tokmeter.capture.proxy import limits
from tokmeter.capture.proxy.base_url import MODE as BASE_URL
from tokmeter.capture.proxy.base_url import NOWHERE
from tokmeter.capture.proxy.upstreams import Upstreams
from tokmeter.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxySettings:
    """Settings of one proxy process. Raises `ConfigError` for a mode or address that cannot be understood."""

    ca_dir: Path
    """Directory of the certificate authority; made if missing, private to the user."""
    listen: tuple[tuple[str, int], ...] = (("127.0.0.1", 8080),)
    """`(host, port)` pairs; port 0 takes a free one, an empty host all addresses."""
    mode: str = "regular"
    """``regular``, ``transparent``, ``base-url`` or ``reverse:URL``."""
    upstream_ca: Path | None = None
    """PEM file that providers' certificates are verified against instead of Mozilla's roots."""
    connect_to: Mapping[str, str] = field(default_factory=dict)
    """`host` or `host:port` to the `address:port` that is connected to instead. TLS keeps the original name."""
    upstreams: Mapping[str, str] = field(default_factory=dict)
    """Name to `scheme://host:port` of providers that base URLs may name beside the built-in ones."""
    body_bytes_max: int = limits.BODY_BYTES
    """Larger request bodies are not held: they pass on as they arrive and are admitted without being read."""
    idle_s: int = 1800
    """A connection without traffic for this long is closed. Long reasoning calls are silent for minutes."""
    connect_timeout_s: float = 10.0
    """Seconds to open an upstream connection, over all addresses of its name."""
    fail_closed: bool = False
    """Refuse what cannot be metered instead of letting it pass unmetered."""
    reuse_port: bool = False
    """Let several processes listen on the same address."""

    def __post_init__(self) -> None:
        """Refuses what would fail later, with words of its own."""
        if not self.listen:
            raise ConfigError("the proxy has no address to listen on", hint="give at least one host:port")
        self.proxy_mode()
        Upstreams(self.upstreams)
        for host, target in self.connect_to.items():
            split_address(target, what=f"connect_to of {host}")

    @property
    def needs_authority(self) -> bool:
        """Whether clients speak TLS to the proxy, so that it needs a certificate authority and they must trust it."""
        return self.mode != BASE_URL

    def proxy_mode(self) -> mode_specs.ProxyMode:
        """The mode as mitmproxy understands it."""
        if self.mode == BASE_URL:
            return mode_specs.ProxyMode.parse(f"reverse:http://{NOWHERE}")
        name, _, url = self.mode.partition(":")
        known = name in {"regular", "transparent"} and not url
        if name == "reverse" and url.startswith(("http://", "https://")) and "@" not in url:
            known = True
        if not known:
            raise ConfigError(
                f"{self.mode!r} is not a proxy mode",
                hint="use regular, transparent, base-url or reverse:https://HOST[:PORT]",
            )
        try:
            return mode_specs.ProxyMode.parse(self.mode)
        except ValueError as error:
            raise ConfigError(
                f"{self.mode!r} is not a proxy mode: {error}", hint="a reverse URL is a scheme, a host and a port"
            ) from error


def split_address(text: str, *, what: str) -> tuple[str, int]:
    """Host and port of `text`, with or without brackets around an IPv6 address. Raises `ConfigError` naming `what`."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ConfigError(f"{what} is {text!r}, not an address and a port", hint="write it as 127.0.0.1:8443")
    return host, int(port)
