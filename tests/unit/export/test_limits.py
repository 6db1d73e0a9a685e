"""The bounds of the exporters fit one another."""

from tokmeter.export import limits


def test_readers_of_events_leave_room_for_scrapes() -> None:
    assert limits.SUBSCRIBERS_MAX < limits.CONNECTIONS_MAX


def test_a_silent_reader_is_looked_at_before_its_socket_times_out() -> None:
    assert limits.WATCH_S < limits.SOCKET_S
