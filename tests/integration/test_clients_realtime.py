"""Unmodified programs on WebSocket sessions under `tokmeter run`: the usage of every turn, summed; messages untouched."""

from pathlib import Path

from tests.integration.applications import python_program
from tests.integration.metered import Metered
from tests.integration.sdk_metered import EMPTY, Booked, row, wanted
from tests.integration.sdk_programs import WORDS
from tokmeter.testing import Behaviour, ThreadedSimulator

OPENAI = Booked("openai", "realtime")
GEMINI = Booked("gemini", "realtime")
CACHED = 5


def test_sessions_are_metered_turn_by_turn(metered: Metered) -> None:
    calls = {"text": OPENAI, "two_turns": OPENAI, "audio": OPENAI, "live": GEMINI, "live_two_turns": GEMINI}

    ended = metered.run([*python_program("realtime_calls.py"), *calls])

    served = metered.simulator.requests
    assert [line.get("words") for line in ended.lines] == [WORDS, 2 * WORDS, 0, WORDS, 2 * WORDS]
    # What the application was told is what was sent, and what is in the ledger.
    assert [line["tokens"] for line in ended.lines] == [[r.input_tokens, r.output_tokens] for r in served]
    assert [row(entry) for entry in ended.entries] == [
        wanted(booked, request) for booked, request in zip(calls.values(), served, strict=True)
    ]
    assert [request.ending for request in served] == ["complete"] * len(calls)


def test_sound_and_text_are_told_apart(metered: Metered) -> None:
    metered.simulator.follow(Behaviour(cached=CACHED))

    ended = metered.run([*python_program("realtime_calls.py"), "audio"])

    (entry,) = ended.entries
    usage = entry["usage"]
    assert (usage["audio_input_tokens"], usage["audio_output_tokens"]) == (10, WORDS - WORDS // 4)
    assert usage["cache_read_tokens"] == CACHED
    assert entry["cost_nano_usd"] > 0


def test_compressed_messages_are_metered_too(tmp_path: Path, state: Path) -> None:
    with ThreadedSimulator(tls=True, behaviour=Behaviour(gzip=True)) as simulator:
        ended = Metered(tmp_path, state, simulator).run([*python_program("realtime_calls.py"), "text", "live"])

    assert [row(entry) for entry in ended.entries] == [
        wanted(booked, request) for booked, request in zip((OPENAI, GEMINI), simulator.requests, strict=True)
    ]


def test_a_session_that_breaks_off_keeps_what_its_turns_stated(metered: Metered) -> None:
    metered.simulator.follow(Behaviour(), Behaviour(abort_after=2))

    ended = metered.run([*python_program("realtime_calls.py"), "two_turns"])

    (entry,) = ended.entries
    assert "error" in ended.lines[0]
    # The first turn is known; of the second at least that it began.
    assert entry["usage"]["output_tokens"] >= WORDS


def test_a_refused_session_is_not_opened(metered: Metered) -> None:
    ended = metered.run([*python_program("realtime_calls.py"), "text"], EMPTY)

    assert [(line["error"], line["status"]) for line in ended.lines] == [("InvalidStatus", 429)]
    assert [entry["decision"] for entry in ended.entries] == ["refuse"]
    assert metered.simulator.requests == []
