"""Names, starts and users from texts of /proc; arguments and other variables leave no trace."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.resolve.host import CANARY

from tokmeter.attribution import NAME_CHARS_MAX
from tokmeter.resolve.process import program, service, stat, uid

REAL = (
    b"29682 (cat) R 29680 29680 25105 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 2606402 3133440 383 18446744073709551615 "
    b"94787252506624 94787252526505 140730783299312 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 94787252542512 94787252544128 "
    b"94787312422912 140730783304387 140730783304407 140730783304407 140730783305707 0\n"
)


def test_a_stat_line_is_read_from_its_last_parenthesis() -> None:
    read = stat(REAL)

    assert read is not None
    assert (read.comm, read.parent, read.start_time) == (b"cat", 29680, 2606402)
    assert read.image == (140730783299312, 140730783304407)
    odd = stat(REAL.replace(b"(cat)", b"(a) R 1 (b c)"))
    assert odd is not None
    assert (odd.comm, odd.start_time) == (b"a) R 1 (b c", 2606402)


@pytest.mark.parametrize("data", [None, b"", b"1 (a) S", b"(a) S " + b"1 " * 60, b"1 (a) S " + b"x " * 60])
def test_what_is_no_stat_line(data: bytes | None) -> None:
    assert stat(data) is None


@pytest.mark.parametrize(
    ("comm", "cmdline", "expected"),
    [
        (b"python3", f"python3\0app.py\0{CANARY}\0".encode(), "python3"),
        (b"tokmeter", b"/usr/bin/python3\0/usr/bin/tokmeter\0", "tokmeter"),
        (b"a-very-long-pro", b"/opt/a-very-long-program-name\0--key\0", "a-very-long-program-name"),
        (b"a-very-long-pro", f"a-very-long-program-name: {CANARY}\0".encode(), "a-very-long-program-name"),
        (b"a-very-long-pro", b"python3\0x\0", "a-very-long-pro"),
        (b"MainThread", b"/usr/bin/node\0server.js\0", "node"),
        (b"node-MainThread", b"node\0server.js\0", "node"),
        (b"MainThread", b"", "MainThread"),
        (b"sh", b"-sh\0", "sh"),
        (b"kworker/0:1", b"", "kworker/0:1"),
        (b"", b"", None),
    ],
)
def test_the_name_of_a_program_is_all_that_is_kept(comm: bytes, cmdline: bytes, expected: str | None) -> None:
    assert program(comm, cmdline) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (b"A=b\0OTEL_SERVICE_NAME=checkout\0", "checkout"),
        (b"OTEL_SERVICE_NAME=checkout\0TOKMETER_SERVICE=ours\0", "ours"),
        (b"TOKMETER_SERVICE=\0OTEL_SERVICE_NAME=checkout\0", "checkout"),
        (b"TOKMETER_SERVICE=a\0TOKMETER_SERVICE=b\0", "a"),
        (b"A=b\0OTEL_SERVICE_NAME=cut", None),
        (b"XOTEL_SERVICE_NAME=a\0OTEL_SERVICE_NAMES=b\0OTEL_SERVICE_NAME\0", None),
        (b"A=x\nOTEL_SERVICE_NAME=b\0", None),
        (b"", None),
    ],
)
def test_two_variables_name_the_service(environ: bytes, expected: str | None) -> None:
    assert service(environ) == expected


def test_names_are_bounded_and_printable() -> None:
    assert service(b"TOKMETER_SERVICE=a\n\x1b[1m" + b"b" * 1000 + b"\0") == "a[1m" + "b" * (NAME_CHARS_MAX - 4)


def test_the_real_user_id() -> None:
    assert uid(b"Name:\tx\nUid:\t1000\t0\t0\t0\nGid:\t1\t1\t1\t1\n") == 1000
    for broken in (b"", b"Uid:\n", b"Uid:\tx\n", b"Gid:\t1\n", b"Uid:\t" + b"9" * 5000 + b"\n"):
        assert uid(broken) is None


@settings(deadline=None)
@given(st.binary(), st.binary())
def test_any_bytes_give_names_or_none(one: bytes, other: bytes) -> None:
    for line in (one, b"1 (" + one + b") S " + other):
        stat(line)
    uid(b"Uid:" + one)
    for name in (program(one[:15], other), service(b"TOKMETER_SERVICE=" + one + b"\0" + other)):
        assert name is None or (name.isprintable() and 0 < len(name) <= NAME_CHARS_MAX)


@settings(deadline=None)
@given(st.binary(max_size=100))
def test_no_other_variable_and_no_argument_comes_out(secret: bytes) -> None:
    hidden = b"<" + secret.replace(b"\0", b"") + b">"

    assert service(b"KEY=" + hidden + b"\0TOKMETER_SERVICE=s\0") == "s"
    assert program(b"python3", b"python3\0" + hidden + b"\0") == "python3"
