"""Reading recordings: HAR as browsers and proxies write it, mitmproxy flow files, and broken ones of both."""

from __future__ import annotations

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.io import FlowWriter
from mitmproxy.test import tflow

from tokmeter.capture.replay import BrokenEntry, RecordedExchange, Replay, read
from tokmeter.errors import TokmeterError


def entry(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "startedDateTime": "2026-01-31T12:00:00.250Z",
        "time": 1500.5,
        "request": {
            "method": "POST",
            "url": "https://api.openai.com/v1/chat/completions?x=1",
            "headers": [{"name": "Content-Type", "value": "application/json"}, {"name": ":authority", "value": "x"}],
            "postData": {"mimeType": "application/json", "text": '{"model":"gpt-4o"}'},
        },
        "response": {
            "status": 200,
            "headers": [{"name": "Content-Encoding", "value": "gzip"}, {"name": "X-Request-Id", "value": "r"}],
            "content": {"text": "grüße", "mimeType": "application/json"},
        },
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = found
        for parent in parents:
            place = place[parent]
        if value is ...:
            del place[last]
        else:
            place[last] = value
    return found


def har(tmp_path: Path, *entries: Any) -> Path:
    path = tmp_path / "recording.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": list(entries)}}))
    return path


def one(path: Path) -> RecordedExchange:
    (found,) = read(path)
    assert isinstance(found, RecordedExchange), found
    return found


def test_an_entry_is_read_whole(tmp_path: Path) -> None:
    found = one(har(tmp_path, entry()))

    assert (found.method, found.scheme, found.host, found.port) == ("POST", "https", "api.openai.com", 443)
    assert found.path == "/v1/chat/completions?x=1"
    assert found.body == b'{"model":"gpt-4o"}'
    assert (found.status, found.response_body) == (200, "grüße".encode())
    assert found.time_ns == 1_769_860_800_250_000_000
    assert found.duration_ns == 1_500_500_000


def test_fields_that_no_longer_describe_the_body_are_left_out(tmp_path: Path) -> None:
    found = one(har(tmp_path, entry()))

    assert found.response_headers == [(b"X-Request-Id", b"r")]
    assert found.headers == [(b"Content-Type", b"application/json")]


def test_base64_is_undone_on_both_sides(tmp_path: Path) -> None:
    raw = bytes(range(256))
    text = base64.b64encode(raw).decode()
    found = one(
        har(
            tmp_path,
            entry(
                request__postData={"text": text, "encoding": "base64"},
                response__content={"text": text, "encoding": "base64"},
            ),
        )
    )

    assert found.body == raw
    assert found.response_body == raw


@pytest.mark.parametrize(
    ("changes", "status", "body"),
    [
        ({"response__status": 0}, None, "grüße".encode()),
        ({"response": ...}, None, b""),
        ({"response__content": ...}, 200, b""),
        ({"response__content__text": ...}, 200, b""),
    ],
)
def test_a_response_may_be_missing(tmp_path: Path, changes: dict[str, Any], status: int | None, body: bytes) -> None:
    found = one(har(tmp_path, entry(**changes)))

    assert (found.status, found.response_body) == (status, body)


def test_the_messages_of_a_session_are_frames_again(tmp_path: Path) -> None:
    texts = ["{}", "é" * 100, "x" * 70_000]
    messages = [
        {"type": "send", "time": 1_769_860_801.5, "opcode": 1, "data": texts[0]},
        {"type": "receive", "time": 1_769_860_802.0, "opcode": 2, "data": base64.b64encode(texts[1].encode()).decode()},
        {"type": "receive", "opcode": 1, "data": texts[2]},
    ]
    found = one(har(tmp_path, entry() | {"_webSocketMessages": messages})).messages

    assert [(message.sent, message.time_ns) for message in found] == [
        (True, 1_769_860_801_500_000_000),
        (False, 1_769_860_802_000_000_000),
        (False, 0),
    ]
    assert [message.frame for message in found] == [
        b"\x81\x82\0\0\0\0{}",
        b"\x82\x7e\x00\xc8" + texts[1].encode(),
        b"\x81\x7f" + (70_000).to_bytes(8) + texts[2].encode(),
    ]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "send", "opcode": 1},
        {"type": "send", "data": "{}"},
        {"type": "send", "opcode": 2, "data": "?"},
        {"type": "send", "opcode": 1, "data": None},
        {"type": "send", "opcode": 1, "time": "late", "data": "{}"},
        "{}",
    ],
)
def test_a_broken_message_breaks_its_entry_by_name(tmp_path: Path, message: Any) -> None:
    (found,) = read(har(tmp_path, entry() | {"_webSocketMessages": [message]}))

    assert isinstance(found, BrokenEntry)


def test_a_recording_without_times_is_read(tmp_path: Path) -> None:
    found = one(har(tmp_path, entry(startedDateTime=..., time=...)))
    unknown = one(har(tmp_path, entry(startedDateTime="1970-01-01T00:00:00+05:00")))

    assert (found.time_ns, found.duration_ns) == (0, 0)
    assert unknown.time_ns == 0


def test_text_that_is_no_unicode_is_still_bytes(tmp_path: Path) -> None:
    assert one(har(tmp_path, entry(response__content__text="\ud800"))).response_body == b"\xed\xa0\x80"


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (entry(request=...), "request is missing"),
        (entry(request__url=...), "url is missing"),
        (entry(request__method=...), "method is missing"),
        (entry(request__url="/relative"), "no host"),
        (entry(request__url="https://host:port/"), "ort"),
        (entry(startedDateTime="yesterday"), "yesterday"),
        (entry(startedDateTime="2026-01-31T12:00:00"), "offset"),
        (entry(startedDateTime="9999-01-01T00:00:00Z"), "out of range"),
        (entry(time=1e300), "out of range"),
        (entry(request__url="https://api.openai.com/\ud800"), "surrogates"),
        (entry(request__method="\ud800"), "surrogates"),
        (entry(response__content={"text": "@", "encoding": "base64"}), "base64"),
        (entry(response__content={"text": 7}), "not a string"),
        (entry(response__status="fine"), "fine"),
        (entry(request__headers=[{"value": "x"}]), "name is missing"),
        ("an entry", "indices"),
        (None, "NoneType"),
        ([], "indices"),
    ],
)
def test_a_broken_entry_is_named_and_the_rest_is_read(tmp_path: Path, broken: Any, reason: str) -> None:
    first, second, third = read(har(tmp_path, entry(), broken, entry()))

    assert isinstance(first, RecordedExchange)
    assert isinstance(second, BrokenEntry)
    assert second.index == 1
    assert reason in second.reason
    assert isinstance(third, RecordedExchange)
    assert third.index == 2


@pytest.mark.parametrize(
    ("content", "what", "where"),
    [
        (b'{"log": {"entries": [', "not a HAR file", ":1:22"),
        (b'{\n "log": }', "not a HAR file", ":2:9"),
        (b"{}", "no log.entries", ""),
        (b"[]", "no log.entries", ""),
        (b"", "not a HAR file", ":1:1"),
        (b"\x89PNG\r\n\xff", "neither a HAR file nor", "byte 0"),
        (b"[" * 200_000, "nested too deeply", ""),
    ],
)
def test_a_file_that_is_no_recording_is_one_error(tmp_path: Path, content: bytes, what: str, where: str) -> None:
    path = tmp_path / "file.har"
    path.write_bytes(content)

    with pytest.raises(TokmeterError) as caught:
        list(read(path))

    assert what in caught.value.what
    assert (caught.value.where or "").endswith(where)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokmeterError, match="cannot be read"):
        list(read(tmp_path / "missing.har"))


def test_a_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    path = har(tmp_path, entry())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())

    assert one(path).host == "api.openai.com"


KEYS = st.sampled_from(["request", "response", "url", "status", "text"]) | st.text()
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children)
        | st.dictionaries(st.sampled_from(["request", "url", "status", "text"]) | st.text(), children)
    ),
    max_leaves=20,
)


@st.composite
def entries(draw: st.DrawFn) -> Any:
    """Sound entries with some values replaced by anything at all."""
    found: Any = entry()
    for _ in range(draw(st.integers(0, 4))):
        place: Any = found
        while isinstance(place, (dict, list)) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if draw(st.booleans()) or not isinstance(place[key], (dict, list)):
                place[key] = draw(json_values)
                break
            place = place[key]
    return found


@given(st.lists(entries() | json_values, max_size=3))
def test_whatever_an_entry_holds_it_is_metered_or_named(values: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = har(Path(folder), *values)
        replay = Replay()
        for position, found in enumerate(read(path)):
            assert found.index == position
            if isinstance(found, RecordedExchange):
                assert replay.measure(found).values["index"] == position


def flows(tmp_path: Path, *recorded: Any, tail: bytes = b"") -> Path:
    path = tmp_path / "recording.flow"
    with path.open("wb") as file:
        writer = FlowWriter(file)
        for flow in recorded:
            writer.add(flow)
        file.write(tail)
    return path


def chat() -> http.HTTPFlow:
    flow = tflow.tflow(resp=True)
    flow.request.host, flow.request.port, flow.request.scheme = "api.openai.com", 443, "https"
    flow.request.method, flow.request.path = "POST", "/v1/chat/completions"
    flow.request.content = b'{"model":"gpt-4o"}'
    assert flow.response is not None
    flow.response.headers["content-encoding"] = "gzip"
    flow.response.text = '{"model":"gpt-4o","usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}'
    return flow


def test_a_flow_file_is_recognised_and_read(tmp_path: Path) -> None:
    unanswered = tflow.tflow(resp=False)
    first, third = read(flows(tmp_path, chat(), tflow.ttcpflow(), unanswered))

    assert isinstance(first, RecordedExchange)
    assert (first.host, first.port, first.status) == ("api.openai.com", 443, 200)
    assert first.response_body[:2] == b"\x1f\x8b", "the body is as it was on the wire"
    assert (b"content-encoding", b"gzip") in first.response_headers
    assert isinstance(third, RecordedExchange)
    assert (third.index, third.status) == (2, None)


def test_what_follows_a_broken_flow_is_given_up_by_name(tmp_path: Path) -> None:
    first, second = read(flows(tmp_path, chat(), tail=b"12:garbage"))

    assert isinstance(first, RecordedExchange)
    assert isinstance(second, BrokenEntry)
    assert second.index == 1


USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def completed(**changes: Any) -> dict[str, Any]:
    reply = {"model": "gpt-4o-2024-08-06", "object": "chat.completion", "choices": [], "usage": USAGE}
    return entry(response__content={"text": json.dumps(reply)}, **changes)


def test_an_exchange_is_metered(tmp_path: Path) -> None:
    found = Replay().measure(one(har(tmp_path, completed()))).values

    assert list(found) == [
        "index",
        "llm",
        "provider",
        "operation",
        "request_model",
        "response_model",
        "stream",
        "status",
        "usage",
        "provenance",
        "defects",
        "cost_usd",
        "priced",
    ]
    assert (found["index"], found["llm"], found["provider"], found["status"]) == (0, True, "openai", 200)
    assert (found["request_model"], found["response_model"]) == ("gpt-4o", "gpt-4o-2024-08-06")
    assert (found["usage"]["input_tokens"], found["usage"]["output_tokens"]) == (11, 7)
    assert found["provenance"] == "reported"
    assert found["priced"]
    assert isinstance(found["cost_usd"], str)


def test_another_host_is_no_model_call_and_has_the_same_keys(tmp_path: Path) -> None:
    elsewhere = Replay().measure(one(har(tmp_path, completed(request__url="https://example.org/")))).values
    metered = Replay().measure(one(har(tmp_path, completed()))).values

    assert list(elsewhere) == list(metered)
    assert list(elsewhere["usage"]) == list(metered["usage"])
    assert (elsewhere["llm"], elsewhere["cost_usd"], elsewhere["priced"], elsewhere["status"]) == (
        False,
        None,
        False,
        200,
    )
    assert set(elsewhere["usage"].values()) == {None}


def test_a_flow_and_a_har_of_the_same_exchange_are_metered_alike(tmp_path: Path) -> None:
    from_flow = Replay().measure(one(flows(tmp_path, chat()))).values

    assert (from_flow["usage"]["input_tokens"], from_flow["usage"]["output_tokens"]) == (3, 4)
    assert from_flow["provenance"] == "reported"


def test_a_replay_repeats_exactly(tmp_path: Path) -> None:
    path = har(tmp_path, completed(), completed(), entry())

    def lines() -> list[str]:
        replay = Replay()
        return [replay.measure(found).line for found in read(path) if isinstance(found, RecordedExchange)]

    assert lines() == lines()
