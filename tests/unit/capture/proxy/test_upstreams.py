"""Which provider a path names."""

import pytest

from tokmeter._core import built_in_hosts
from tokmeter.capture.proxy.upstreams import Upstream, Upstreams
from tokmeter.errors import ConfigError
from tokmeter.variables import BASE_URL_VARIABLES

OPENAI = Upstream("api.openai.com", 443, tls=True)
TABLE = Upstreams({"vllm": "http://llm.internal:8000", "groq": "https://groq.corp:8443", "v6": "http://[::1]:80"})


@pytest.mark.parametrize(
    ("target", "asked"),
    [
        (b"/openai/v1/chat/completions", b"/v1/chat/completions"),
        (b"/openai/v1?a=/b", b"/v1?a=/b"),
        (b"/openai", b"/"),
        (b"/openai/", b"/"),
        (b"/openai?a", b"/?a"),
        (b"/openai//v1", b"//v1"),
        (b"/openai/\xff%00", b"/\xff%00"),
    ],
)
def test_the_first_segment_names_it_and_the_rest_is_its_own(target: bytes, asked: bytes) -> None:
    assert TABLE.route(target) == (OPENAI, asked)


@pytest.mark.parametrize(
    "target", [b"", b"*", b"/", b"//", b"/?openai", b"openai/", b"/openai\n", b"/openai#", b"/\xff"]
)
def test_everything_else_names_nobody(target: bytes) -> None:
    assert TABLE.route(target) is None


def test_the_configuration_adds_and_wins() -> None:
    assert TABLE.route(b"/vllm/v1") == (Upstream("llm.internal", 8000, tls=False), b"/v1")
    assert TABLE.route(b"/groq/v1") == (Upstream("groq.corp", 8443, tls=True), b"/v1")
    assert TABLE.route(b"/v6/v1") == (Upstream("::1", 80, tls=False), b"/v1")
    assert TABLE.names[:3] == ("vllm", "groq", "v6")


@pytest.mark.parametrize(
    ("origin", "authority"),
    [
        ("https://api.openai.com", "api.openai.com"),
        ("https://h:443", "h"),
        ("https://h:80", "h:80"),
        ("http://h:8000", "h:8000"),
        ("http://[::1]", "[::1]"),
        ("https://[::1]:8443", "[::1]:8443"),
    ],
)
def test_requests_name_the_host_as_clients_would(origin: str, authority: str) -> None:
    assert Upstream.parse(origin).authority == authority


def test_a_provider_is_where_the_table_of_detection_has_it_first() -> None:
    hosts = {"cohere": "api.cohere.com", "gemini": "generativelanguage.googleapis.com", "mistral": "api.mistral.ai"}
    for name, host in hosts.items():
        assert TABLE.route(f"/{name}/v1".encode()) == (Upstream(host, 443, tls=True), b"/v1")
    # Their host names a resource or a region of the caller's; Bedrock's calls are signed for it too.
    assert not {"azure", "bedrock", "ollama"} & set(TABLE.names)
    assert set(TABLE.names) <= {"vllm", "v6"} | {provider for _, provider, _ in built_in_hosts()}


def test_what_clients_are_told_names_a_provider() -> None:
    assert all(TABLE.route(path.encode()) for path in BASE_URL_VARIABLES.values())


@pytest.mark.parametrize(
    "origin", ["", "llm", "ftp://a", "https://", "http://a:b", "http://a:0", "http://a/b", "http://["]
)
def test_what_is_no_origin_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match="not the origin"):
        Upstreams({"own": origin})
