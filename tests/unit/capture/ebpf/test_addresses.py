"""Names of LLMs and their addresses."""

from __future__ import annotations

import socket
import sys
import time

import pytest

from tokmeter.capture.ebpf.addresses import Addresses, aliases, destination, key, names


def test_an_ipv4_address_is_mapped() -> None:
    assert destination("10.77.17.1", 443) == destination("::ffff:10.77.17.1", 443)


def test_a_key_is_what_lies_in_the_kernels_memory() -> None:
    first, second, port = key(destination("10.77.17.1", 443))

    assert first == 0
    assert second.to_bytes(8, sys.byteorder) == b"\0\0\xff\xff" + socket.inet_aton("10.77.17.1")
    assert port.to_bytes(2, sys.byteorder) == (443).to_bytes(2, "big")


def test_patterns_without_an_address_are_left_out() -> None:
    hosts = ["api.openai.com", ".openai.azure.com", "*.x.test", "llm.internal:8000", "[::1]:11434"]

    assert names(hosts) == [("api.openai.com", 443), ("llm.internal", 8000), ("::1", 11434)]


def test_lines_of_a_hosts_file() -> None:
    text = b"# none\n10.0.0.1 api.openai.com API.other.test # own\n\n\xff\n::1\tlocalhost\n"

    assert list(aliases(text)) == [
        ("10.0.0.1", "api.openai.com"),
        ("10.0.0.1", "api.other.test"),
        ("::1", "localhost"),
    ]


def answer(name: str, port: int) -> list[str]:
    if name == "gone.test":
        raise OSError("no such name")
    return ["10.0.0.1", "not an address"]


def test_what_is_asked_for_is_known_when_it_is_answered() -> None:
    file = b"10.0.0.2 own.test\n10.0.0.3 other.test\n"
    addresses = Addresses(lambda: ["a.test", "gone.test"], lambda name, _: name == "own.test", lambda _: file, answer)

    addresses.refresh()
    addresses.read_hosts_of(7)
    until = time.monotonic() + 10
    while len(addresses.known()) < 2 and time.monotonic() < until:
        time.sleep(0.01)

    assert addresses.known() == {destination("10.0.0.1", 443), destination("10.0.0.2", 443)}
    addresses.close()


def test_a_process_without_a_hosts_file_says_nothing() -> None:
    addresses = Addresses(list, lambda _name, _port: True, lambda _: b"", answer)
    addresses.read_hosts_of(7)

    assert addresses.known() == set()


@pytest.mark.parametrize("text", ["", "name.test", "1.2.3"])
def test_what_is_no_address_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        destination(text, 443)
