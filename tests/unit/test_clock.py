"""The wall clock counts nanoseconds since 1970."""

from datetime import UTC, datetime

from tokmeter.clock import now_ns


def test_is_in_nanoseconds_since_the_epoch() -> None:
    earliest = datetime(2025, 1, 1, tzinfo=UTC)

    found = datetime.fromtimestamp(now_ns() / 1e9, UTC)

    assert earliest < found < earliest.replace(year=2100)
    assert isinstance(now_ns(), int)
