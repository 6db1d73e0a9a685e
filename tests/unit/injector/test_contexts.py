"""The context of the next handshake: swapped whole, or not at all."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tokmeter.errors import TokmeterError
from tokmeter.injector.certificates.authority import issue, make_authority
from tokmeter.injector.contexts import Contexts

HOST = "tokmeter-injector.tokmeter-system.svc"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_there_is_none_before_the_first_certificate() -> None:
    assert (Contexts().current, Contexts().ends) == (None, None)


def test_a_context_that_is_refused_leaves_the_one_that_serves() -> None:
    contexts = Contexts()
    one, other = (issue(make_authority(HOST, NOW), HOST, NOW) for _ in range(2))
    contexts.swap(one.chain, one.key, where="one")
    before = contexts.current

    for chain, key in ((one.chain, other.key), (b"", one.key), (one.chain, b"nonsense")):
        with pytest.raises(TokmeterError, match="cannot be used"):
            contexts.swap(chain, key, where="other")

    assert contexts.current is before
    assert contexts.ends == one.ends.replace(microsecond=0)
    assert isinstance(before, ssl.SSLContext)


def test_a_key_leaves_no_descriptor_behind() -> None:
    leaf = issue(make_authority(HOST, NOW), HOST, NOW)
    contexts = Contexts()
    before = list(Path("/proc/self/fd").iterdir())

    contexts.swap(leaf.chain, leaf.key, where="one")

    assert len(list(Path("/proc/self/fd").iterdir())) == len(before)
