"""The mitmproxy capture source.

`capture` starts and stops; `listener` accepts; `connection` (or `inline`) runs one client; mitmproxy's layers, extended
in `layers`, speak the protocols; `interception` decides what is decrypted, or `base_url` which provider a path names;
`metering` takes flows to the core and back through a `tap`. `authority`, `trust` and `environment` make clients trust the
proxy and find it.
"""

from tokmeter.capture.proxy.authority import Authority, ensure_authority
from tokmeter.capture.proxy.capture import ProxyCapture
from tokmeter.capture.proxy.environment import Conflict, Environment, environment, existing_roots
from tokmeter.capture.proxy.event_loop import event_loop_factory
from tokmeter.capture.proxy.settings import ProxySettings
from tokmeter.capture.proxy.trust import TrustFiles, write_trust

__all__ = [
    "Authority",
    "Conflict",
    "Environment",
    "ProxyCapture",
    "ProxySettings",
    "TrustFiles",
    "ensure_authority",
    "environment",
    "event_loop_factory",
    "existing_roots",
    "write_trust",
]
