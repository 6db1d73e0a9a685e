"""mitmproxy's master and the addons that are used, without the thirty that importing their package brings along.

Those carry a web application, viewers of a dozen formats and their libraries: a seventh of the proxy's memory and half
a second of its start. While the few are imported, the package is a stand-in that knows where its modules lie; afterwards
whoever imports it gets the real one. So the rest of the proxy takes them from here.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_PACKAGE = "mitmproxy.addons"


@contextmanager
def _contents_not_run() -> Iterator[None]:
    spec = importlib.util.find_spec(_PACKAGE)
    if _PACKAGE in sys.modules or spec is None:
        yield
        return
    sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[_PACKAGE]


with _contents_not_run():
    from mitmproxy.addons import core, disable_h2c, next_layer, proxyserver, tlsconfig
    from mitmproxy.master import Master

__all__ = ["Master", "core", "disable_h2c", "next_layer", "proxyserver", "tlsconfig"]
