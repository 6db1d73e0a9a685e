"""The live table as text."""

from __future__ import annotations

from tests.unit.watch.test_model import ACCOUNT, CALL

from tokmeter.watch.model import Board
from tokmeter.watch.plain import UNMETERED_SHOWN, render
from tokmeter.watch.source import Stops, Unmetered

NOW = 1_010 * 10**9


def test_an_empty_board_has_a_total_of_nothing() -> None:
    header, total = render(Board(), NOW)

    assert header.split()[:2] == ["SERVICE", "PROCESS"]
    assert total.split() == ["total", "0", "0", "0", "0", "0", "$0.000000", "$0.0000"]


def test_rows_budgets_and_remarks_are_shown() -> None:
    board = Board()
    board.add(CALL)
    board.account([ACCOUNT])
    board.malformed = 3

    text = "\n".join(render(board, NOW))

    assert "checkout  -        openai    gpt-4o      1        0    100      10      40  $0.001000  $0.0010" in text
    assert "3 events could not be read" in text
    assert "daily   service=checkout  enforce  90 tokens  0 tokens  100 tokens  10 tokens        2   never" in text


def test_rows_that_do_not_fit_are_counted() -> None:
    board = Board()
    for model in ("a", "b", "c"):
        board.add(type(CALL)(**{**{f: getattr(CALL, f) for f in CALL.__slots__}, "model": model}))

    lines = render(board, NOW, rows_max=1)

    assert len(lines) == 3
    assert lines[2].startswith("total (+2 more)")
    assert "$0.003000" in lines[2]


def test_unpriced_calls_are_pointed_out() -> None:
    board = Board()
    board.add(type(CALL)(**{**{f: getattr(CALL, f) for f in CALL.__slots__}, "priced": False, "cost_nano_usd": 0}))

    assert "1 calls have no price and are missing from COST" in render(board, NOW)


def test_what_is_stopped_is_one_line() -> None:
    board = Board()
    board.stopped = Stops(("cap user=ana", "all"), 1)

    assert "stopped: 1 process refused connections to LLMs; exhausted: cap user=ana, all" in render(board, NOW)


def test_what_is_not_read_is_a_line_for_each_process_and_host() -> None:
    board = Board()
    board.unmetered = [
        Unmetered(812, "java", "api.openai.com", 3, 120_345, 88_000, "Java has its own TLS; use the proxy")
    ]

    assert render(board, NOW)[-1] == (
        "unmetered: pid 812 java -> api.openai.com  3 connections, 120 kB sent, 88 kB received: "
        "Java has its own TLS; use the proxy"
    )


def test_lines_of_what_is_not_read_are_bounded() -> None:
    board = Board()
    board.unmetered = [Unmetered(0, "other", "other", 1, 0, 0, "why")] * (UNMETERED_SHOWN + 2)

    lines = render(board, NOW)[-UNMETERED_SHOWN - 1 :]

    assert lines[0] == "unmetered: other -> other  1 connection, 0 B sent, 0 B received: why"
    assert lines[-1] == "unmetered: 2 more processes and hosts"
