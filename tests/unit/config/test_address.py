"""Addresses as people write and mistype them."""

import pytest

from tokmeter.config.address import address, addresses, host_and_port


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("LLM.Internal:8000", "llm.internal", 8000),
        ("llm.internal", "llm.internal", None),
        (".openai.azure.com", ".openai.azure.com", None),
        (".internal:8443", ".internal", 8443),
        ("[::1]:65535", "::1", 65535),
        ("[FE80::1]", "fe80::1", None),
        ("my_service:1", "my_service", 1),
    ],
)
def test_reads_what_people_write(text: str, host: str, port: int | None) -> None:
    assert host_and_port(text) == (host, port)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("http://host:1", "scheme"),
        ("host:1/v1", "path"),
        ("::1:80", "brackets"),
        ("::1", "brackets"),
        ("host:", "port"),
        ("host:65536", "port"),
        ("host:-1", "port"),
        ("host:٣", "port"),
        (":80", "host"),
        ("", "host"),
        ("a b", "not a host name"),
        ("a..b", "not a host name"),
        ("-a", "not a host name"),
        ("a" * 254, "not a host name"),
        ("[::1", "brackets"),
    ],
)
def test_says_what_to_write_instead(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        host_and_port(text)


def test_a_place_to_connect_to_is_one_host_and_one_port() -> None:
    assert address("127.0.0.1:80") == ("127.0.0.1", 80)
    for text, reason in (("host", "lacks a port"), ("host:0", "port 0"), (".suffix:80", "suffix")):
        with pytest.raises(ValueError, match=reason):
            address(text)


def test_listening_on_port_zero_takes_any_free_one() -> None:
    assert addresses("127.0.0.1:0") == (("127.0.0.1", 0),)
    assert addresses(("127.0.0.1:0", "[::1]:1")) == (("127.0.0.1", 0), ("::1", 1))
