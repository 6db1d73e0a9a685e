"""Network addresses as people write them. Refuses to resolve names or open sockets."""

import re
from typing import NamedTuple

PORT_MAX = 65_535
HOST_CHARS_MAX = 253
"""Characters of a DNS name."""

_LABELS = re.compile(
    r"\.?[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*"
)
_IPV6 = re.compile(r"\[([0-9A-Fa-f:.]+)\]")


class Address(NamedTuple):
    """A host and a port."""

    host: str
    """A name or a literal; IPv6 without brackets."""
    port: int


def address(text: str, *, port_zero: bool = False) -> Address:
    """Parses ``host:port``. Raises `ValueError` with what to write instead; port 0 only where it means "any free"."""
    host, port = host_and_port(text)
    if port is None:
        raise ValueError("lacks a port: write host:port")
    if port == 0 and not port_zero:
        raise ValueError("port 0 is not a port")
    if host.startswith("."):
        raise ValueError("is a suffix: write a whole host name")
    return Address(host, port)


def addresses(listen: str | tuple[str, ...]) -> tuple[Address, ...]:
    """What `listen` of a configuration stands for; port 0 is any free one. Raises `ValueError`."""
    return tuple(address(text, port_zero=True) for text in several(listen))


def several(listen: str | tuple[str, ...]) -> tuple[str, ...]:
    """One address or several, as several."""
    return (listen,) if isinstance(listen, str) else listen


def host_and_port(text: str) -> tuple[str, int | None]:
    """Parses ``host``, ``host:port`` or ``.suffix``, lower-cased. Raises `ValueError` with what to write instead."""
    if "://" in text:
        raise ValueError("has a scheme: write only the host, without http:// or https://")
    if "/" in text:
        raise ValueError("has a path: write only the host")
    head, colon, tail = text.rpartition(":")
    name, port = (head, _port(tail)) if colon and not tail.endswith("]") else (text, None)
    if (literal := _IPV6.fullmatch(name)) is not None:
        return literal[1].lower(), port
    if ":" in name:
        raise ValueError("is ambiguous: write an IPv6 address in brackets, like [::1]:8000")
    if not name:
        raise ValueError("lacks a host: write host:port")
    if len(name) > HOST_CHARS_MAX or _LABELS.fullmatch(name) is None:
        raise ValueError("is not a host name")
    return name.lower(), port


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(PORT_MAX)) and int(text) <= PORT_MAX):
        raise ValueError(f"has no valid port: {text!r} is not a number up to {PORT_MAX}")
    return int(text)
