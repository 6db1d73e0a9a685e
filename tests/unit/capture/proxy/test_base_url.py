"""What happens to the head of a request that came by a base URL. Sockets are tried elsewhere."""

import json

import pytest
from mitmproxy import flow as mflow
from mitmproxy import http
from mitmproxy.connection import Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow

from tokmeter.capture.proxy.base_url import NOWHERE, BaseUrl
from tokmeter.capture.proxy.upstreams import Upstreams

FIELDS = ((b"host", b"127.0.0.1:15401"), (b"X-Odd", b" a\xff"), (b"x-odd", b"b"), (b"authorization", b"Bearer k"))


class Counter:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def unmetered(self, reason: str) -> None:
        self.reasons.append(reason)


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def base_url(counter: Counter) -> BaseUrl:
    return BaseUrl(counter, Upstreams({"v6": "http://[::1]:8000"}))


def asked(path: bytes, *, authority: bytes = b"", method: str = "POST") -> http.HTTPFlow:
    flow = tflow.tflow()
    flow.request.method = method
    flow.request.headers = http.Headers(FIELDS)
    flow.request.data.path, flow.request.data.authority = path, authority
    return flow


def test_only_the_host_of_a_head_is_another(base_url: BaseUrl, counter: Counter) -> None:
    flow = asked(b"/openai/v1/models?\xff=%20")

    base_url.requestheaders(flow)

    request = flow.request
    assert (request.scheme, request.data.host, request.data.port) == ("https", "api.openai.com", 443)
    assert request.data.path == b"/v1/models?\xff=%20"
    assert [value for name, value in request.headers.fields if name.lower() == b"host"] == [b"api.openai.com"]
    assert request.headers.fields[1:] == FIELDS[1:]
    assert (flow.response, counter.reasons) == (None, [])


def test_a_literal_address_is_written_as_clients_do(base_url: BaseUrl) -> None:
    flow = asked(b"/v6/v1")

    base_url.requestheaders(flow)

    assert (flow.request.data.host, flow.request.headers["host"]) == ("::1", "[::1]:8000")


@pytest.mark.parametrize(("path", "authority"), [(b"/nobody", b""), (b"/openai/v1", b"api.anthropic.com:443")])
def test_an_answer_of_our_own_names_nothing_of_the_request(
    base_url: BaseUrl, counter: Counter, path: bytes, authority: bytes
) -> None:
    flow = asked(path, authority=authority)

    base_url.requestheaders(flow)

    assert flow.response is not None
    assert (flow.response.status_code, counter.reasons) == (404, ["unknown_provider"])
    error = json.loads(flow.response.raw_content or b"")["error"]
    assert error.keys() == {"message", "type", "code"}
    assert "nobody" not in error["message"]
    assert flow.request.data.path == path


def test_what_is_refused_already_is_left_alone(base_url: BaseUrl, counter: Counter) -> None:
    flow = asked(b"/nobody")
    flow.error = mflow.Error("smuggled")

    base_url.requestheaders(flow)

    assert (flow.response, counter.reasons) == (None, [])


def test_nobody_is_connected_to_for_want_of_a_name(base_url: BaseUrl) -> None:
    nowhere = ServerConnectionHookData(server=Server(address=(NOWHERE, 80)), client=tflow.tclient_conn())
    named = ServerConnectionHookData(server=Server(address=("api.openai.com", 443)), client=tflow.tclient_conn())

    base_url.server_connect(nowhere)
    base_url.server_connect(named)

    assert (nowhere.server.error, named.server.error) == ("no provider was named", None)
