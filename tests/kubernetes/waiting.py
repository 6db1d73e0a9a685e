"""Waiting for what only the cluster knows."""

import time
from collections.abc import Callable
from typing import Any


def until(holds: Callable[[], object], seconds: float = 30) -> Any:
    """What `holds` gives once that is true; asked again and again, because nobody tells."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.2)
    return found
