"""The four protocol layers of mitmproxy that tokmeter extends, and the switch that puts them in place.

- a reply can be cut: the upstream stops, siblings on an HTTP/2 connection go on, the client sees a clean end or a reset;
- a request body above the bound is passed on, or read and dropped once refused, instead of being held;
- an HTTP/2 client that does not read holds up its upstream instead of filling memory;
- a request without a length that came by HTTP/2 is framed for an HTTP/1 server;
- HTTP/1 trailers pass instead of hanging the client, and a head without end is not collected for ever.

Owns protocol state only. What is cut, held or refused is decided by the `Verdicts` it is given.
"""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import ClassVar, Protocol

import h11
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy import flow as mflow
from mitmproxy import http
from mitmproxy.connection import Connection
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as http_layers
from mitmproxy.proxy.layers.http import _http1, _http2
from mitmproxy.proxy.layers.http._base import HttpEvent, ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    RequestProtocolError,
    RequestTrailers,
    ResponseData,
    ResponseEndOfMessage,
    ResponseProtocolError,
    ResponseTrailers,
)
from mitmproxy.proxy.layers.http._http_h2 import SendH2Data

from tokmeter.capture.proxy import limits

_CUT = "the reply was cut"


class Verdicts(Protocol):
    """What the layers ask about a flow."""

    body_bytes_max: int

    def oversized(self, flow: http.HTTPFlow) -> None:
        """The body turned out too large to hold: admit without it, or set `flow.response` to refuse."""

    def cut(self, flow: http.HTTPFlow) -> bool | None:
        """None while the reply goes on; once cut, whether its end may look clean."""

    def broke(self, flow: http.HTTPFlow, *, by_client: bool) -> None:
        """One side gave up the exchange."""

    def held_back(self, flow: http.HTTPFlow) -> bytes:
        """What has arrived of a reply that broke off, and was not sent on."""

    def speaks_http2(self, client: Connection, unsent: Mapping[int, Collection[SendH2Data]]) -> None:
        """The client has agreed to HTTP/2; what it does not read waits in `unsent`."""

    def reset(self, client: Connection) -> None:
        """The client's connection is about to be closed and must be reset."""


class MeteredStream(http_layers.HttpStream):
    """One exchange on a client connection."""

    verdicts: ClassVar[Verdicts]

    def state_consume_request_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Holds the body up to the bound."""
        if isinstance(event, RequestData):
            if self.flow.response is not None:
                return
            if len(self.request_body_buf) + len(event.data) > self.verdicts.body_bytes_max:
                yield from self._pass_on(event.data)
                return
        yield from super().state_consume_request_body(event)

    def _pass_on(self, data: bytes) -> layer.CommandGenerator[None]:
        """Sends on what is held so far and streams the rest, unless that is refused."""
        held = bytes(self.request_body_buf) + data
        self.request_body_buf.clear()
        self.verdicts.oversized(self.flow)
        if self.flow.response is not None:
            return
        self.flow.request.stream = True
        yield from self.start_request_stream()
        if self.client_state == self.state_stream_request_body:
            yield from self.state_stream_request_body(RequestData(self.stream_id, held))

    def state_stream_response_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        """Passes the reply on until it ends or is cut."""
        yield from super().state_stream_response_body(event)
        if isinstance(event, ResponseData) and (clean := self.verdicts.cut(self.flow)) is not None:
            yield from self._cut(clean=clean)

    def _cut(self, *, clean: bool) -> layer.CommandGenerator[None]:
        cancel = RequestProtocolError(self.stream_id, _CUT, ErrorCode.CANCEL)
        yield http_layers.SendHttp(cancel, self.context.server)
        if clean and self._may_end_cleanly():
            yield from self.send_response(already_streamed=True)
            return
        if not self.flow.request.is_http2:
            self.verdicts.reset(self.context.client)
        self.flow.error = mflow.Error(_CUT)
        self.flow.live = False
        self.client_state = self.server_state = self.state_errored
        end = ResponseProtocolError(self.stream_id, _CUT, ErrorCode.KILL)
        yield http_layers.SendHttp(end, self.context.client)
        yield http_layers.DropStream(self.stream_id)

    def _may_end_cleanly(self) -> bool:
        """A reply of declared length cannot end early, nor a stream whose request is still being sent."""
        response = self.flow.response
        return (
            response is not None and "content-length" not in response.headers and self.client_state == self.state_done
        )

    def handle_protocol_error(
        self, event: RequestProtocolError | ResponseProtocolError
    ) -> layer.CommandGenerator[None]:
        """Notes which side it was: mitmproxy's own message does not say so for HTTP/2."""
        by_client = isinstance(event, RequestProtocolError)
        if not by_client and (held := self.verdicts.held_back(self.flow)):
            yield http_layers.SendHttp(ResponseData(self.stream_id, held), self.context.client)
        self.verdicts.broke(self.flow, by_client=by_client)
        yield from super().handle_protocol_error(event)


class Http2FromClient(_http2.Http2Server):
    """The HTTP/2 connection of a client."""

    verdicts: ClassVar[Verdicts]

    def __init__(self, context: Context) -> None:
        """Lets the connection's owner see what waits to be sent."""
        super().__init__(context)
        self.verdicts.speaks_http2(context.client, self.h2_conn.stream_buffers)


class _TrailerReader(ChunkedReader):
    """Keeps the trailers that mitmproxy's reader refuses."""

    trailers: list[tuple[bytes, bytes]] | None = None

    def __call__(self, buf: ReceiveBuffer) -> h11.Data | h11.EndOfMessage | None:
        event = super().__call__(buf)
        if isinstance(event, h11.EndOfMessage) and event.headers:
            self.trailers = [(bytes(name), bytes(value)) for name, value in event.headers.raw_items()]
            return h11.EndOfMessage()
        return event


class _Trailers(_http1.Http1Connection):
    """An HTTP/1 connection that passes trailers in both directions and bounds the head."""

    _to_send: http.Headers | None = None

    def read_body(self, event: events.Event) -> layer.CommandGenerator[None]:
        if type(self.body_reader) is ChunkedReader:
            self.body_reader = _TrailerReader()
        for command in super().read_body(event):
            reader = self.body_reader
            if isinstance(reader, _TrailerReader) and reader.trailers and self._ends_message(command):
                yield self._receive_trailers(reader.trailers)
                reader.trailers = None
            yield command

    @staticmethod
    def _ends_message(command: commands.Command) -> bool:
        return isinstance(command, ReceiveHttp) and isinstance(
            command.event, (RequestEndOfMessage, ResponseEndOfMessage)
        )

    def _receive_trailers(self, trailers: list[tuple[bytes, bytes]]) -> ReceiveHttp:
        stream_id = self.stream_id or 0
        headers = http.Headers(trailers)
        if isinstance(self, _http1.Http1Server):
            return ReceiveHttp(RequestTrailers(stream_id, headers))
        return ReceiveHttp(ResponseTrailers(stream_id, headers))

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        if isinstance(event, (RequestTrailers, ResponseTrailers)):
            self._to_send = event.trailers
            return
        for command in super().send(event):
            if self._to_send and isinstance(command, commands.SendData) and command.data == b"0\r\n\r\n":
                command.data = b"0\r\n" + bytes(self._to_send) + b"\r\n"
                self._to_send = None
            yield command
        if isinstance(event, (RequestEndOfMessage, ResponseEndOfMessage)):
            self._to_send = None

    def read_headers(self, event: events.ConnectionEvent) -> layer.CommandGenerator[None]:
        yield from super().read_headers(event)
        if self.state == self.read_headers and len(self.buf) > limits.HEADER_BYTES:
            self.buf = ReceiveBuffer()
            yield commands.CloseConnection(self.conn)


class TrailersFromServer(_Trailers, _http1.Http1Client):
    """The HTTP/1 connection to a server."""

    def send(self, event: HttpEvent) -> layer.CommandGenerator[None]:
        """Frames a body that HTTP/2 brought without a length: unframed, a server would read it as its next request."""
        if isinstance(event, RequestHeaders) and not event.end_stream and _unframed(event.request):
            request = event.request.copy()
            request.headers["transfer-encoding"] = "chunked"
            event = RequestHeaders(event.stream_id, request, event.end_stream, event.replay_flow)
        yield from super().send(event)


def _unframed(request: http.Request) -> bool:
    return not request.is_http11 and not request.is_http10 and "content-length" not in request.headers


class TrailersFromClient(_Trailers, _http1.Http1Server):
    """The HTTP/1 connection of a client."""


@contextlib.contextmanager
def installed(verdicts: Verdicts) -> Iterator[None]:
    """Makes mitmproxy build its connections from the layers above, until left."""
    replaced = {
        "HttpStream": type("MeteredStream", (MeteredStream,), {"verdicts": verdicts}),
        "Http1Client": TrailersFromServer,
        "Http1Server": TrailersFromClient,
        "Http2Server": type("Http2FromClient", (Http2FromClient,), {"verdicts": verdicts}),
    }
    before = {name: getattr(http_layers, name) for name in replaced}
    for name, value in replaced.items():
        setattr(http_layers, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(http_layers, name, value)
