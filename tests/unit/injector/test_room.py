"""The bound on bytes of bodies."""

import threading

from tokmeter.injector.room import Room


def test_what_does_not_fit_waits_in_vain() -> None:
    room = Room(10)

    assert room.take(6, 0)
    assert room.take(4, 0)
    assert not room.take(1, 0)


def test_what_is_given_back_is_taken_by_who_waits() -> None:
    room = Room(10)
    assert room.take(10, 0)
    taken: list[bool] = []
    waiting = threading.Thread(target=lambda: taken.append(room.take(5, 30)))
    waiting.start()

    room.give(10)
    waiting.join(30)

    assert taken == [True]
    assert room.take(5, 0)
    assert not room.take(1, 0)
