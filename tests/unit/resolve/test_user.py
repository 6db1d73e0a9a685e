"""Whose names hold, and which one a number has."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tokmeter.resolve.user import is_of_host, name

PASSWD = b"root:x:0:0:root:/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\ntwin:x:1000:1000::/:/bin/sh\n"


@pytest.mark.parametrize(
    ("uid_map", "expected"),
    [
        (b"         0          0 4294967295\n", True),
        (b"         0     100000      65536\n", False),
        (b"         0       1000          1\n         1     100000      65536\n", False),
        (b"", False),
    ],
)
def test_a_namespace_of_its_own_has_users_of_its_own(uid_map: bytes, expected: bool) -> None:
    assert is_of_host(uid_map) is expected


def test_the_first_line_names_a_number() -> None:
    assert name(PASSWD, 0) == "root"
    assert name(PASSWD, 1000) == "alice"
    assert name(PASSWD, 100) is None
    assert name(b"cut:x:10", 10) is None
    assert name(b":x:10:10::/:", 10) is None


@settings(deadline=None)
@given(st.binary(), st.integers(0, 2**32))
def test_any_bytes_give_a_printable_name_or_none(passwd: bytes, uid: int) -> None:
    is_of_host(passwd)
    found = name(passwd + b"\n" + passwd + f":x:{uid}:0".encode(), uid)

    assert found is None or found.isprintable()
