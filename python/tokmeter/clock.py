"""The wall clock: the only module that reads it. Everything else is given the time."""

import time


def now_ns() -> int:
    """Nanoseconds since the Unix epoch."""
    return time.time_ns()


def monotonic_offset_ns() -> int:
    """From the monotonic clock, by which a kernel tells when something happened, to the wall clock now."""
    return time.time_ns() - time.monotonic_ns()
