"""Where connections go: by name and port, by name, or where they were going anyway."""

import pytest

from tokmeter.capture.proxy.routes import Routes

ROUTES = Routes({"API.openai.com": "10.0.0.1:8443", "api.openai.com:80": "10.0.0.2:8080", "10.9.9.9": "[::1]:443"})


@pytest.mark.parametrize(
    ("names", "address", "target"),
    [
        ((), ("api.openai.com", 443), ("10.0.0.1", 8443)),
        ((), ("api.openai.com", 80), ("10.0.0.2", 8080)),
        (("api.OPENAI.com",), ("203.0.113.9", 443), ("10.0.0.1", 8443)),
        ((None, "api.openai.com"), ("203.0.113.9", 443), ("10.0.0.1", 8443)),
        ((None, None), ("10.9.9.9", 443), ("::1", 443)),
        (("other.test", None), ("203.0.113.9", 443), ("203.0.113.9", 443)),
    ],
)
def test_targets(names: tuple[str | None, ...], address: tuple[str, int], target: tuple[str, int]) -> None:
    assert ROUTES.target(names, address) == target


def test_without_routes_everything_goes_where_it_was_going() -> None:
    assert Routes({}).target(("api.openai.com",), ("1.2.3.4", 443)) == ("1.2.3.4", 443)
