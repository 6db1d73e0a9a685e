"""The node of these tests, the images on it, and the provider that stands in for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes import images
from tests.kubernetes.node import Node, cluster, layout, parts
from tests.kubernetes.provider import Provider


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A node with nothing on it but the images."""
    absent = cluster.absent()
    if absent is not None:
        pytest.skip(f"a Kubernetes node needs {absent}")
    here = layout.Layout("tokmeter-node", layout.cache() / "node", layout.cache())
    if not parts.ready(here):
        pytest.skip("the daemons of a Kubernetes node are not built: `make test-kubernetes` does")
    with cluster.running(here.work, here.name, [archive() for archive in images.LOADED]) as running:
        yield running


@pytest.fixture(scope="session")
def provider(node: Node) -> Provider:
    """The provider simulator behind a Service, with a certificate that tokmeter's test image trusts upstream."""
    started = Provider(node)
    started.start()
    return started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Pods take seconds to start; the node and a gigabyte of images come with whichever test is first."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.timeout(600))
