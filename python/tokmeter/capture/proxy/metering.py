"""The handlers of mitmproxy's HTTP hooks: admit, answer a refusal, rewrite a request, put the tap in place, close.

One line from a flow to the core and back. Never stops traffic by failing: what cannot be metered passes, counted, or is
refused where the settings say closed. Bodies are read as raw bytes only: mitmproxy's decoders have no bound.
"""

from collections.abc import Callable, Collection, Mapping

from mitmproxy import connection, http, tcp
from mitmproxy.proxy.layers.http._http_h2 import SendH2Data

from tokmeter._core import Attribution, LedgerEntry, Meter, Refuse, Request, Rewrite
from tokmeter.capture.proxy import faults
from tokmeter.capture.proxy.connection import ClientConnection
from tokmeter.capture.proxy.destination import destination
from tokmeter.capture.proxy.settings import ProxySettings
from tokmeter.capture.proxy.tap import CloseReason, Tap

_TAP = "tokmeter"
_ALT_SVC = "alt-svc"
_LENGTH = "content-length"
_SWITCHED = 101


class Metering:
    """Between flows and the meter. Also answers what the layers ask (`layers.Verdicts`) and what taps need (`tap.Owner`)."""

    def __init__(
        self,
        meter: Meter,
        who: Attribution,
        settings: ProxySettings,
        sink: Callable[[LedgerEntry], None],
        clock: Callable[[], int],
    ) -> None:
        """`sink` gets the entry of each exchange once."""
        self.fail_closed = settings.fail_closed
        self.body_bytes_max = settings.body_bytes_max
        self.now = clock
        self.on_end: Callable[[str], None] | None = None
        """Called with the id of a client connection whenever its last open exchange has ended."""
        self.on_idle: Callable[[], None] | None = None
        """Called whenever the last open exchange has ended."""
        self.connections: dict[str, ClientConnection] = {}
        """Client connections by id, kept by whoever accepts them."""
        self._meter = meter
        self._who = who
        self._sink = sink
        self._open: dict[str, set[Tap]] = {}
        self._sessions: dict[str, Tap] = {}
        """Of client connections that have left HTTP for something that is read; also once it is cut, until they end."""

    @property
    def idle(self) -> bool:
        """Whether no exchange is open."""
        return not self._open

    def close_all(self, reason: CloseReason) -> None:
        """Closes every open exchange."""
        for taps in list(self._open.values()):
            for tap in list(taps):
                tap.close(reason)

    # HTTP hooks

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        """Lets unmetered requests and large bodies stream; the rest is held until it is complete."""
        if flow.response is not None:
            return
        request = flow.request
        if not self._meter.knows_host(*destination(flow)) and not self._meter.knows_path(request.method, request.path):
            flow.request.stream = True
        elif _declared_length(flow.request) > self.body_bytes_max:
            self.oversized(flow)
            flow.request.stream = flow.response is None

    def request(self, flow: http.HTTPFlow) -> None:
        """Admits a complete request, or answers it with the refusal."""
        if flow.request.stream or flow.response is not None or flow.error is not None:
            return
        self._admit(flow, flow.request.raw_content or b"")

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Puts the tap in place; without one the reply streams past. Never buffers."""
        response = flow.response
        if response is None or response.raw_content is not None:
            return
        tap = _tap(flow)
        if response.status_code != _SWITCHED:
            response.stream = tap if tap is not None else True
        if tap is not None:
            if tap.respond(response.status_code, response.headers.fields):
                _forget_length(response, flow.request)
            if _ALT_SVC in response.headers:
                del response.headers[_ALT_SVC]

    def response(self, flow: http.HTTPFlow) -> None:
        """The reply is complete, or the connection leaves HTTP."""
        tap = _tap(flow)
        if tap is None or flow.response is None:
            return
        if flow.response.status_code == _SWITCHED:
            tap.upgraded = True
            if tap.reads_session:
                self._sessions[tap.client_id] = tap
            else:
                self.unmetered("upgraded")
        else:
            tap.close("complete")

    def error(self, flow: http.HTTPFlow) -> None:
        """The exchange broke off."""
        tap = _tap(flow)
        if tap is not None:
            tap.close(tap.gone or "failed")

    def tcp_message(self, flow: tcp.TCPFlow) -> None:
        """Reads what passes in a session; forgets it, and whatever else passes a raw connection: mitmproxy keeps all of it."""
        message = flow.messages[-1]
        flow.messages.clear()
        tap = self._sessions.get(flow.client_conn.id)
        if tap is None:
            return
        # What came with the head of the answer is a bytearray.
        data = bytes(message.content)
        passed = tap.sent(data) if message.from_client else tap(data)
        if isinstance(passed, list):
            message.content = b"".join(passed)
        if tap.clean_cut is not None:
            self._leave(flow)

    def _leave(self, flow: tcp.TCPFlow) -> None:
        """Ends the upstream of a session that was cut; its client has been told, and goes when it has read that."""
        handler = self.connections.get(flow.client_conn.id)
        if handler is not None:
            handler.close_upstreams()

    def client_disconnected(self, client: connection.Client) -> None:
        """No exchange outlives its client."""
        self._sessions.pop(client.id, None)
        for tap in list(self._open.get(client.id, ())):
            tap.close("complete" if tap.upgraded else "client_gone")

    # What the layers ask

    def oversized(self, flow: http.HTTPFlow) -> None:
        """Admits a request whose body is too large to be held."""
        self._admit(flow, None)

    def cut(self, flow: http.HTTPFlow) -> bool | None:
        """None while the reply goes on; once cut, whether its end may look clean."""
        tap = _tap(flow)
        return tap.clean_cut if tap is not None else None

    def broke(self, flow: http.HTTPFlow, *, by_client: bool) -> None:
        """Notes which side gave up."""
        tap = _tap(flow)
        if tap is not None and tap.gone is None:
            tap.gone = "client_gone" if by_client else "upstream_gone"

    def held_back(self, flow: http.HTTPFlow) -> bytes:
        """What has arrived of a reply that broke off, and was not sent on."""
        tap = _tap(flow)
        return tap.held_back() if tap is not None else b""

    def speaks_http2(self, client: connection.Connection, unsent: Mapping[int, Collection[SendH2Data]]) -> None:
        """Lets the client's connection hold up its upstream when it does not read."""
        handler = self.connections.get(client.id)
        if handler is not None:
            handler.keep_unsent(unsent)

    def reset(self, client: connection.Connection) -> None:
        """Lets the end of this client connection be a reset."""
        handler = self.connections.get(client.id)
        if handler is not None:
            handler.reset_on_close()

    # What taps and hooks report

    def unmetered(self, reason: str) -> None:
        """Counts traffic of a metered host that could not be read."""
        self._meter.unmetered(reason)

    def hook_failed(self, name: str, error: BaseException) -> None:
        """A handler raised; the traffic went on."""
        faults.report(f"the {name} hook", error)
        self._meter.unmetered("hook_failed")

    def ended(self, tap: Tap, entry: LedgerEntry | None) -> None:
        """Passes the entry on and forgets the exchange."""
        taps = self._open[tap.client_id]
        taps.discard(tap)
        if not taps:
            del self._open[tap.client_id]
        if entry is not None:
            try:
                self._sink(entry)
            except Exception as error:  # noqa: BLE001 - the ledger's troubles are not the client's
                faults.report("handing over a ledger entry", error)
                self._meter.unmetered("sink_failed")
        if not taps and self.on_end is not None:
            self.on_end(tap.client_id)
        if not self._open and self.on_idle is not None:
            self.on_idle()

    # Admission

    def _admit(self, flow: http.HTTPFlow, body: bytes | None) -> None:
        """Opens the exchange; sets the response when it is refused."""
        request = _request(flow, body)
        try:
            exchange = self._meter.open(request, self._who, self.now())
        except BaseException as error:
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            faults.report("admitting a request", error)
            self._meter.unmetered("admission_failed")
            self._refuse_if_closed(flow, request)
            return
        if exchange is None:
            return
        tap = Tap(self, exchange, flow.client_conn.id)
        self._open.setdefault(tap.client_id, set()).add(tap)
        decision = exchange.decision
        if isinstance(decision, Refuse):
            flow.response = _response(decision)
            tap.close("complete")
        elif self.fail_closed and "upgrade" in flow.request.headers and not exchange.reads_session:
            tap.close("failed")
            self._refuse_if_closed(flow, request)
        else:
            flow.metadata[_TAP] = tap
            if isinstance(decision, Rewrite):
                _rewrite(flow.request, decision)

    def _refuse_if_closed(self, flow: http.HTTPFlow, request: Request) -> None:
        if self.fail_closed:
            flow.response = _response(self._meter.refusal(request, self.now()))


def _tap(flow: http.HTTPFlow) -> Tap | None:
    tap = flow.metadata.get(_TAP)
    return tap if isinstance(tap, Tap) else None


def _declared_length(request: http.Request) -> int:
    length = request.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() and len(length) < 19 else 0


def _request(flow: http.HTTPFlow, body: bytes | None) -> Request:
    host, port = destination(flow)
    request = flow.request
    return Request(
        method=request.method,
        host=host,
        port=port,
        path=request.path,
        headers=request.headers.fields,
        body=body,
    )


def _rewrite(request: http.Request, rewrite: Rewrite) -> None:
    """Puts the core's body and fields into a request that has not been sent. The length is among the fields."""
    body = rewrite.body
    for name, value in rewrite.headers:
        request.headers.set_all(name, [value])
    request.raw_content = body


def _forget_length(response: http.Response, request: http.Request) -> None:
    """Takes the length from the head of a reply that will be edited, and lets it end by its framing instead."""
    if _LENGTH not in response.headers:
        return
    del response.headers[_LENGTH]
    if request.is_http11:
        response.headers["transfer-encoding"] = "chunked"


def _response(refusal: Refuse) -> http.Response:
    """The refusal as a response of mitmproxy's."""
    fields = [(name, value) for name, value in refusal.headers if name.lower() != b"content-length"]
    fields.append((b"content-length", str(len(refusal.body)).encode()))
    response = http.Response.make(refusal.status)
    response.headers = http.Headers(fields)
    response.raw_content = refusal.body
    return response
