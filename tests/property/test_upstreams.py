"""Whatever stands on a request line, it names a provider of the table or nobody, and is never changed behind the name."""

from hypothesis import example, given
from hypothesis import strategies as st

from tokmeter._core import built_in_hosts
from tokmeter.capture.proxy.upstreams import Upstreams

TABLE = Upstreams({"vllm": "http://llm.internal:8000", "groq": "https://groq.corp:8443"})
NAMES = {name.encode() for name in TABLE.names}
HOSTS = {host for host, _, _ in built_in_hosts()} | {"llm.internal", "groq.corp"}
MARKS = [b"/", b"//", b"..", b".", b"%2f", b"%2F", b"%2e", b"\\", b"?", b"#", b"@", b":", b";", b"\r\n", b"\x00", b"*"]
WORDS = [b"openai", b"anthropic", b"vllm", b"OpenAI", b"v1", b"http://", b"api.anthropic.com"]
PIECES = st.sampled_from([*MARKS, *WORDS])
TARGETS = st.binary(max_size=40) | st.lists(PIECES, max_size=8).map(lambda pieces: b"/" + b"".join(pieces))


@given(TARGETS)
@example(b"/openai/../anthropic/v1")
@example(b"/openai@api.anthropic.com/v1")
def test_any_bytes_name_a_provider_of_the_table_or_nobody(target: bytes) -> None:
    routed = TABLE.route(target)
    if routed is None:
        return
    upstream, asked = routed

    assert upstream.host in HOSTS
    name = target[1:].partition(b"/")[0].partition(b"?")[0]
    assert name in NAMES
    assert TABLE.route(b"/" + name) == (upstream, b"/")
    # Between the two nothing is lost, and nothing comes but the slash that every path begins with.
    assert target in {b"/" + name + asked, b"/" + name + asked[1:]}


@given(st.sampled_from(TABLE.names), st.binary(max_size=40))
def test_behind_a_name_everything_is_the_providers(name: str, rest: bytes) -> None:
    bare = TABLE.route(b"/" + name.encode())

    assert bare is not None
    assert TABLE.route(b"/" + name.encode() + b"/" + rest) == (bare[0], b"/" + rest)
