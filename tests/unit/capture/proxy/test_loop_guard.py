"""The proxy does not connect to itself, by whatever name."""

import pytest
from mitmproxy import connection
from mitmproxy.proxy import server_hooks

from tokmeter.capture.proxy.loop_guard import LoopGuard


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        (("127.0.0.1", 8080), True),
        (("localhost", 8080), True),
        (("::1", 8080), True),
        (("0.0.0.0", 8080), True),
        (("10.0.0.5", 8080), True),
        (("127.0.0.1", 8081), False),
        (("203.0.113.7", 8080), False),
        (None, False),
    ],
)
def test_own_addresses(address: tuple[str, int] | None, *, refused: bool) -> None:
    client = connection.Client(peername=("10.0.0.9", 1), sockname=("10.0.0.5", 8080), timestamp_start=0.0)
    data = server_hooks.ServerConnectionHookData(server=connection.Server(address=address), client=client)
    LoopGuard([("0.0.0.0", 8080)]).server_connect(data)
    assert (data.server.error is not None) is refused
