"""The tap: bytes in equal bytes out whatever the meter does, and one close."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokmeter.capture.proxy import tap as module
from tokmeter.capture.proxy.tap import Tap


@dataclass
class _Cut:
    data: bytes
    clean: bool


@dataclass
class _Replace:
    data: bytes


@dataclass
class _Exchange:
    verdicts: list[Any] = field(default_factory=list)
    calls: list[Any] = field(default_factory=list)
    held: bytes | None = None
    """What is held back; None where nothing is edited."""

    def respond(self, status: int, _headers: Any) -> bool:
        self.calls.append(status)
        return self.held is not None

    def release(self) -> bytes:
        held, self.held = self.held, b""
        if not held:
            raise ArithmeticError
        return held

    def feed(self, chunk: bytes, _now: int) -> Any:
        self.calls.append(chunk)
        verdict = self.verdicts.pop(0) if self.verdicts else None
        if isinstance(verdict, BaseException):
            raise verdict
        return verdict

    @property
    def reads_session(self) -> bool:
        return True

    def sent(self, chunk: bytes, now: int) -> Any:
        return self.feed(b"sent " + chunk, now)

    def close(self, reason: str, _now: int) -> str:
        self.calls.append(reason)
        return reason


@dataclass
class _Owner:
    fail_closed: bool = False
    unread: list[str] = field(default_factory=list)
    entries: list[Any] = field(default_factory=list)

    def now(self) -> int:
        return 7

    def unmetered(self, reason: str) -> None:
        self.unread.append(reason)

    def ended(self, _tap: Tap, entry: Any) -> None:
        self.entries.append(entry)


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Cut", _Cut)
    monkeypatch.setattr(module, "Replace", _Replace)


def _tap(exchange: Any, owner: Any) -> Tap:
    return Tap(owner, exchange, "client")


@given(st.lists(st.binary(min_size=1)), st.integers(min_value=0, max_value=5))
def test_no_byte_is_lost_wherever_the_meter_fails(chunks: list[bytes], good: int) -> None:
    exchange, owner = _Exchange([None] * good + [ArithmeticError()]), _Owner()
    tap = _tap(exchange, owner)
    passed = [tap(chunk) for chunk in chunks]
    assert passed == chunks
    assert tap(b"") == b""
    tap.close("complete")
    assert owner.entries == ["failed" if len(chunks) > good else "complete"]
    assert owner.unread == ["tap_failed"] * (len(chunks) > good)


def test_after_a_cut_nothing_more_is_sent_and_the_exchange_is_closed() -> None:
    exchange, owner = _Exchange([None, _Cut(b"last", clean=True)]), _Owner()
    tap = _tap(exchange, owner)
    tap.respond(200, [])
    assert tap(b"one") == b"one"
    assert tap(b"two") == [b"last"]
    assert tap.clean_cut is True
    assert tap(b"three") == []
    assert tap(b"") == []
    tap.close("client_gone")
    assert exchange.calls == [200, b"one", b"two", "complete"]
    assert owner.entries == ["complete"]


def test_what_the_client_of_a_session_sends_is_told_and_stops_with_it() -> None:
    exchange, owner = _Exchange([None, _Cut(b"last", clean=True)]), _Owner()
    tap = _tap(exchange, owner)
    assert tap.reads_session
    assert tap.sent(b"one") == b"one"
    assert tap(b"two") == [b"last"]
    assert tap.sent(b"three") == []
    assert exchange.calls == [b"sent one", b"two", "complete"]


def test_a_cut_without_words_sends_nothing_rather_than_an_empty_chunk() -> None:
    assert _tap(_Exchange([_Cut(b"", clean=False)]), _Owner())(b"one") == []


def test_a_failure_ends_the_reply_when_the_settings_say_closed() -> None:
    tap = _tap(_Exchange([ArithmeticError()]), _Owner(fail_closed=True))
    assert tap(b"one") == []
    assert tap.clean_cut is False


def test_a_panic_is_a_failure_and_an_interrupt_is_not() -> None:
    assert _tap(_Exchange([GeneratorExit()]), _Owner())(b"one") == b"one"
    with pytest.raises(KeyboardInterrupt):
        _tap(_Exchange([KeyboardInterrupt()]), _Owner())(b"one")


def test_a_close_that_fails_is_reported_and_not_repeated() -> None:
    class Broken(_Exchange):
        def close(self, reason: str, _now: int) -> str:
            raise ArithmeticError

    owner = _Owner()
    tap = _tap(Broken(), owner)
    tap.close("complete")
    tap.close("complete")
    assert owner.entries == [None]
    assert owner.unread == ["tap_failed"]


def _edited(*verdicts: Any, owner: Any = None, held: bytes = b"held ") -> Tap:
    tap = _tap(_Exchange(list(verdicts), held=held), owner or _Owner())
    assert tap.respond(200, [])
    return tap


def test_what_stands_in_place_of_a_chunk_is_sent_and_nothing_is_no_empty_chunk() -> None:
    tap = _edited(_Replace(b"other"), _Replace(b""), None)
    assert [tap(b"one"), tap(b"two"), tap(b"three")] == [[b"other"], [], b"three"]


@pytest.mark.parametrize("end", ["end", "failure", "close"])
def test_what_is_held_back_is_sent_once_before_anything_else(end: str) -> None:
    owner = _Owner()
    tap = _edited(*([ArithmeticError()] if end == "failure" else []), owner=owner)
    if end == "close":
        tap.close("shutdown")
    assert tap(b"" if end == "end" else b"one") == (b"held " if end == "end" else b"held one")
    assert tap(b"") == b""
    assert tap.held_back() == b""
    assert owner.unread == ["tap_failed"] * (end == "failure")


def test_a_reply_that_breaks_off_gives_up_what_is_held_back_unless_it_was_cut() -> None:
    assert _edited().held_back() == b"held "
    cut = _edited(_Cut(b"last", clean=True))
    assert (cut(b"one"), cut.held_back()) == ([b"last"], b"")


def test_when_nothing_can_be_had_of_what_is_held_back_the_chunk_is_still_sent() -> None:
    owner = _Owner()
    tap = _edited(ArithmeticError(), owner=owner, held=b"")
    assert tap(b"one") == b"one"
    assert owner.unread == ["tap_failed"] * 2
    assert _edited(ArithmeticError(), owner=_Owner(fail_closed=True))(b"one") == []
