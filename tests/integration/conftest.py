"""The simulator and a configuration that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.sidecar import Bench
from tokmeter.testing import ThreadedSimulator


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A simulator over TLS in front of a fresh state directory."""
    with ThreadedSimulator(tls=True) as simulator:
        yield Bench(tmp_path, simulator)
