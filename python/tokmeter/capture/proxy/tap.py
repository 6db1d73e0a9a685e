"""One exchange on its way through the proxy: fed chunk by chunk, a session in both directions, closed exactly once.

Whatever goes wrong in here, the client gets its bytes: a tap returns the chunk it was given, behind what the core held back
of those before it. Where there is nothing to send now it returns an empty list, never an empty chunk: that would end the
reply there. Knows the core and nothing of mitmproxy.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from tokmeter._core import Cut, Exchange, Forward, LedgerEntry, Replace
from tokmeter.capture.proxy import faults

type CloseReason = Literal["complete", "client_gone", "upstream_gone", "shutdown", "failed"]
type RawHeaders = Sequence[tuple[bytes, bytes]]


class Owner(Protocol):
    """Where a tap gets its time, and who hears of its troubles and its end."""

    fail_closed: bool

    def now(self) -> int:
        """Nanoseconds since the epoch."""

    def unmetered(self, reason: str) -> None:
        """Traffic of a metered host could not be read."""

    def ended(self, tap: "Tap", entry: LedgerEntry | None) -> None:
        """The exchange is closed; the entry is None when the core failed to make one."""


class Tap:
    """Callable with each piece of the reply, as mitmproxy wants it. Called with nothing at the end."""

    __slots__ = ("_broken", "_edited", "_exchange", "_owner", "clean_cut", "client_id", "closed", "gone", "upgraded")

    def __init__(self, owner: Owner, exchange: Exchange, client_id: str) -> None:
        """Follows `exchange`, which the connection `client_id` asked for."""
        self._owner = owner
        self._exchange = exchange
        self._broken = False
        self._edited = False
        self.client_id = client_id
        self.clean_cut: bool | None = None
        """None while the reply goes on; once cut, whether its end may look clean."""
        self.closed = False
        self.gone: CloseReason | None = None
        """The side that gave up, once one did."""
        self.upgraded = False
        """The connection has left HTTP."""

    @property
    def reads_session(self) -> bool:
        """Whether what follows once the connection has left HTTP is read."""
        return self._exchange.reads_session and not self._broken

    def respond(self, status: int, headers: RawHeaders) -> bool:
        """The head of the reply has arrived. Whether its body may be edited, so that a length it declares does not hold."""
        if self.closed or self._broken:
            return False
        try:
            self._edited = bool(self._exchange.respond(status, headers))
        except BaseException as error:  # noqa: BLE001 - a panic of the core is no Exception
            self._break(error)
        return self._edited

    def __call__(self, data: bytes) -> bytes | list[bytes]:
        """What to send on for `data`: itself, what stands in its place, or nothing more once the reply is cut."""
        return self._pass(data, self._exchange.feed)

    def sent(self, data: bytes) -> bytes | list[bytes]:
        """The same of what the client of a session sends."""
        return self._pass(data, self._exchange.sent)

    def _pass(self, data: bytes, tell: Callable[[bytes, int], Forward | Replace | Cut]) -> bytes | list[bytes]:
        if self.clean_cut is not None:
            return []
        if self._broken or self.closed or not data:
            return self.held_back() + data
        try:
            verdict = tell(data, self._owner.now())
            if not isinstance(verdict, (Cut, Replace)):
                return data
            said = [verdict.data] if verdict.data else []
            if isinstance(verdict, Cut):
                self.clean_cut = verdict.clean
        except BaseException as error:  # noqa: BLE001 - a panic of the core is no Exception
            self._break(error)
            if self._owner.fail_closed:
                self.clean_cut = False
                return []
            return self.held_back() + data
        if self.clean_cut is not None:
            self.close("complete")
        return said

    def held_back(self) -> bytes:
        """What the core holds back of the reply. Once asked for, nothing more is edited."""
        if not self._edited or self.clean_cut is not None:
            return b""
        self._edited = False
        try:
            return self._exchange.release()
        except BaseException as error:  # noqa: BLE001 - a panic of the core is no Exception
            self._break(error)
            return b""

    def close(self, reason: CloseReason) -> None:
        """Settles the exchange the first time it is called."""
        if self.closed:
            return
        self.closed = True
        entry: LedgerEntry | None = None
        try:
            entry = self._exchange.close("failed" if self._broken else reason, self._owner.now())
        except BaseException as error:  # noqa: BLE001 - a panic of the core is no Exception
            self._break(error)
        self._owner.ended(self, entry)

    def _break(self, error: BaseException) -> None:
        if isinstance(error, (KeyboardInterrupt, SystemExit)):
            raise error
        self._broken = True
        self._owner.unmetered("tap_failed")
        faults.report("metering an exchange", error)
