"""What integration tests share: a provider, tokmeter in front of it, applications by name."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.applications import Application, application
from tests.integration.metered import Metered
from tests.integration.sidecar import Bench
from tokmeter.testing import ThreadedSimulator


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A simulator over TLS in front of a fresh state directory."""
    with ThreadedSimulator(tls=True) as simulator:
        yield Bench(tmp_path, simulator)


@pytest.fixture
def simulator() -> Iterator[ThreadedSimulator]:
    """A provider on a free port, with TLS under the names of OpenAI and Anthropic."""
    with ThreadedSimulator(tls=True) as running:
        yield running


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What tokmeter keeps between runs: the authority, the key of the fingerprints."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def metered(tmp_path: Path, state: Path, simulator: ThreadedSimulator) -> Metered:
    """tokmeter between applications and the simulator, with a ledger of its own."""
    return Metered(tmp_path, state, simulator)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where applications are compiled to, once a session."""
    return tmp_path_factory.mktemp("built")


@pytest.fixture
def find_application(tool: Callable[[str], str], built: Path) -> Callable[[str], Application]:
    """The HTTP application of a name; skips where its toolchain is absent."""
    return lambda name: application(name, tool, built / name)
