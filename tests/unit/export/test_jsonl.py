"""Readers of the event stream: order, bounds, loss that is counted."""

import threading
from pathlib import Path

import pytest

from tokmeter.errors import TokmeterError
from tokmeter.export.jsonl import EventFile, EventStream

PATIENCE_S = 30.0


def test_every_reader_gets_every_line_in_order() -> None:
    stream = EventStream()
    first, second = stream.subscribe(), stream.subscribe()
    assert first is not None
    assert second is not None

    stream.publish("1")
    stream.publish("2")

    assert [reader.get(0) for reader in (first, first, first, second, second)] == ["1", "2", None, "1", "2"]


def test_a_reader_sees_what_came_after_it() -> None:
    stream = EventStream()
    stream.publish("before")
    reader = stream.subscribe()
    assert reader is not None

    assert reader.get(0) is None


def test_a_slow_reader_misses_lines_and_nobody_else_does() -> None:
    stream = EventStream(subscriber_lines_max=2)
    slow, quick = stream.subscribe(), stream.subscribe()
    assert slow is not None
    assert quick is not None

    got = []
    for number in range(5):
        stream.publish(str(number))
        got.append(quick.get(0))

    assert got == ["0", "1", "2", "3", "4"]
    assert [slow.get(0), slow.get(0), slow.get(0)] == ["0", "1", None]
    assert stream.dropped == 3


def test_readers_are_bounded_and_a_place_is_given_back() -> None:
    stream = EventStream(subscribers_max=1)
    with stream.subscribe() or pytest.fail("no place"):
        assert stream.subscribe() is None

    assert stream.subscribers == 0
    assert stream.subscribe() is not None


def test_closing_ends_readers_after_what_was_queued() -> None:
    stream = EventStream()
    reader = stream.subscribe()
    assert reader is not None
    stream.publish("last")

    stream.close()
    stream.publish("too late")

    seen = [reader.ended, reader.get(PATIENCE_S), reader.ended, reader.get(PATIENCE_S)]
    assert seen == [False, "last", True, None]
    assert stream.subscribe() is None


def test_a_waiting_reader_wakes_for_a_line() -> None:
    stream = EventStream()
    reader = stream.subscribe()
    assert reader is not None
    got: list[str | None] = []
    thread = threading.Thread(target=lambda: got.append(reader.get(PATIENCE_S)))
    thread.start()

    stream.publish("1")
    thread.join(PATIENCE_S)

    assert got == ["1"]


def test_series_name_the_readers_and_the_loss() -> None:
    stream = EventStream(subscriber_lines_max=0)
    stream.subscribe()
    stream.publish("1")

    assert stream.series() == {"event_subscribers": [((), 1)], "events_dropped": [((), 1)]}


def test_a_file_holds_the_lines_and_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for line in ('{"a": "é"}', '{"b": 2}'):
        stream = EventStream()
        file = EventFile(stream, path)
        stream.publish(line)
        file.close(PATIENCE_S)
        assert file.failed == 0

    assert path.read_text(encoding="utf-8") == '{"a": "é"}\n{"b": 2}\n'


def test_a_file_that_cannot_be_written_is_told_and_takes_no_place(tmp_path: Path) -> None:
    stream = EventStream(subscribers_max=1)

    with pytest.raises(TokmeterError, match="directory") as caught:
        EventFile(stream, tmp_path)

    assert caught.value.where == str(tmp_path)
    assert stream.subscribers == 0


def test_a_full_disk_counts_lines_and_goes_on() -> None:
    stream = EventStream()
    file = EventFile(stream, Path("/dev/full"))

    stream.publish("1")
    stream.publish("2")
    file.close(PATIENCE_S)

    assert file.failed == 2
