"""The wall clock: the only module that reads it. Everything else is given the time."""

import time


def now_ns() -> int:
    """Nanoseconds since the Unix epoch."""
    return time.time_ns()
