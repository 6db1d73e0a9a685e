"""What is logged about failures: kinds and places, never words from the wire."""

import logging
from collections.abc import Iterator

import pytest

from tokmeter.capture.proxy import faults

SECRET = "sk-a-key-and-a-prompt"


class _Program(logging.Handler):
    """The program's own logging, on the root. caplog would also show what never gets there."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append((record.name, self.format(record)))


@pytest.fixture
def program() -> Iterator[_Program]:
    handler = _Program()
    logging.getLogger().addHandler(handler)
    faults.quieten()
    faults.quieten()
    yield handler
    logging.getLogger().removeHandler(handler)


def test_errors_of_mitmproxy_lose_their_words(program: _Program) -> None:
    foreign = logging.getLogger("mitmproxy.proxy.server")
    try:
        raise AssertionError(f"Unexpected event: {SECRET}")
    except AssertionError:
        foreign.exception("mitmproxy has crashed! %s", SECRET)
    foreign.error("cannot parse %s", SECRET)
    assert [name for name, _ in program.messages] == ["tokmeter.capture.proxy"] * 2
    assert all(SECRET not in text for _, text in program.messages)
    assert "AssertionError" in program.messages[0][1]
    assert all("test_faults.py" in text for _, text in program.messages)


def test_what_is_no_error_is_dropped(program: _Program) -> None:
    foreign = logging.getLogger("mitmproxy.proxy.layers")
    foreign.warning("refusing %s", SECRET)
    foreign.info("connect %s", SECRET)
    assert program.messages == []
    assert not foreign.isEnabledFor(logging.INFO)


def test_a_report_names_kind_and_place(program: _Program) -> None:
    faults.report("admitting a request", ValueError(SECRET))
    assert [text for _, text in program.messages] == ["admitting a request failed: ValueError at an unknown place"]
