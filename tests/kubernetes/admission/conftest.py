"""A cluster, an injector in it, and an API server before both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kubernetes.admission.api_server import ApiServer
from tests.kubernetes.admission.endpoints import Endpoints
from tests.kubernetes.admission.injected import api_server, cluster, injector

from tokmeter.injector import Running


@pytest.fixture
def endpoints() -> Endpoints:
    return cluster()


@pytest.fixture
def started(endpoints: Endpoints, tmp_path: Path) -> Iterator[Running]:
    with injector(endpoints, tmp_path) as running:
        yield running


@pytest.fixture
def server(endpoints: Endpoints, started: Running) -> Iterator[ApiServer]:
    made = api_server(endpoints, started)
    yield made
    made.close()
