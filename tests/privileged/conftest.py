"""What privileged tests share: a provider in a network of its own, and a tracer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.applications import Application, application
from tests.integration.namespaces import TwoMachines, require_namespaces
from tests.privileged.traced import Tracer, require_bpf, require_loader
from tokmeter.testing import ThreadedSimulator


@pytest.fixture(params=["core", "bcc"])
def loader(request: pytest.FixtureRequest) -> str:
    """Each loader in turn."""
    require_bpf()
    name: str = request.param
    require_loader(name)
    return name


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[TwoMachines]:
    """Where applications run, and where the provider is."""
    require_bpf()
    require_namespaces()
    with TwoMachines(tmp_path) as both:
        both.resolve("ipv4")
        yield both


@pytest.fixture
def provider(machines: TwoMachines) -> Iterator[ThreadedSimulator]:
    """The provider, on port 443 of a machine of its own."""
    simulator = ThreadedSimulator(tls=True, host="", port=443, names=("other.test",))
    with machines.provider.entered():
        simulator.__enter__()
    try:
        yield simulator
    finally:
        simulator.__exit__()


@pytest.fixture
def tracer(tmp_path: Path, loader: str) -> Tracer:
    """A tracer with this loader."""
    return Tracer(tmp_path, loader)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where applications are compiled to, once a session."""
    return tmp_path_factory.mktemp("built")


@pytest.fixture
def find_application(tool: Callable[[str], str], built: Path) -> Callable[[str], Application]:
    """The HTTP application of a name; skips where its toolchain is absent."""
    return lambda name: application(name, tool, built / name)
