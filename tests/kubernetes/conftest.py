"""The node of these tests, the images on it, and the provider that stands in for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kubernetes import images
from tests.kubernetes.node import Node, cluster, layout, parts
from tests.kubernetes.provider import Provider


@pytest.fixture(scope="session")
def node() -> Iterator[Node]:
    """A node with nothing on it but the images. Building its daemons takes minutes, once for a machine."""
    absent = cluster.absent()
    if absent is not None:
        pytest.skip(f"a Kubernetes node needs {absent}")
    here = layout.Layout("tokmeter-node", layout.cache() / "node", layout.cache())
    parts.bring(here)
    archives = (images.tokmeter(), images.python_app(), images.node_app())
    with cluster.running(here.work, here.name, archives) as running:
        yield running


@pytest.fixture(scope="session")
def provider(node: Node) -> Provider:
    """The provider simulator behind a Service, with a certificate that tokmeter's test image trusts upstream."""
    started = Provider(node)
    started.start()
    return started


@pytest.fixture(scope="session")
def logs(node: Node) -> Path:
    """Where the node's daemons write."""
    return node.layout.logs
