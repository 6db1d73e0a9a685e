"""Whether the installed mitmproxy is the one this package was written against.

mitmproxy does not promise its internals. What is extended here is checked by name at start, and what is copied by the
source it was copied from: another source means the stock path, slower and just as right.
"""

import hashlib
import inspect
from collections.abc import Callable

from mitmproxy import version
from mitmproxy.proxy import server
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import _http1

from tokmeter.errors import TokmeterError

_COPIED: dict[Callable[..., object], str] = {
    server.ConnectionHandler.server_event: "a2b42657ebe8bf6de9b9064d7b3dde2403a744bb8f75df03691a5c0e735544d7",
    server.ConnectionHandler.hook_task: "9ac79701605262685df6bc57fdba46bc84894961665e5b32d90defebd0780092",
}
"""SHA-256 of the source that `inline` was written against: mitmproxy 12.2.0 to 12.2.3."""

_EXTENDED: dict[type, tuple[str, ...]] = {
    server.ConnectionHandler: (
        "server_event",
        "drain_writers",
        "open_connection",
        "handle_connection",
        "close_connection",
        "wakeup",
    ),
    http_layers.HttpStream: (
        "state_consume_request_body",
        "state_stream_request_body",
        "state_stream_response_body",
        "start_request_stream",
        "send_response",
        "handle_protocol_error",
    ),
    _http1.Http1Connection: ("read_body", "read_headers", "send"),
}


def require_known_shape() -> None:
    """Raises `TokmeterError` when mitmproxy no longer has what the proxy extends."""
    missing = [
        f"{owner.__name__}.{name}" for owner, names in _EXTENDED.items() for name in names if not hasattr(owner, name)
    ]
    if missing:
        raise TokmeterError(
            f"mitmproxy {version.VERSION} lacks {', '.join(missing)}",
            hint="install the mitmproxy release that this version of tokmeter names in its requirements",
        )


def may_run_inline() -> bool:
    """Whether hooks may run in place."""
    try:
        return all(_digest(inspect.getsource(function)) == digest for function, digest in _COPIED.items())
    except (OSError, TypeError):
        return False


def _digest(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()
