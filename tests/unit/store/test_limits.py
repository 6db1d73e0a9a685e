"""The bounds of the stores fit one another."""

from tokmeter.store import limits


def test_bounds_fit_one_another() -> None:
    assert limits.BATCH_ROWS_MAX <= limits.QUEUED_ROWS_MAX
    assert limits.GATHER_S < limits.BACKOFF_S_MIN < limits.BACKOFF_S_MAX
    assert limits.BUSY_MS / 1000 < limits.BACKOFF_S_MAX
