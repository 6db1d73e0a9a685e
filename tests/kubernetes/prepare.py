"""Brings what the tests on a node are made of: packages, daemons, images. Minutes once; `make test-kubernetes` runs it.

With ``TOKMETER_TEST_PROMETHEUS=no`` Prometheus is not built, where time is short; its tests skip unless it is there already.
"""

import os
import subprocess
import sys

from tests.kubernetes import images, prometheus
from tests.kubernetes.node import cluster, parts
from tests.kubernetes.node.images import pause
from tests.kubernetes.node.layout import Layout, cache


def main() -> int:
    """Says what is missing where something is."""
    absent = cluster.absent()
    if absent is not None:
        sys.stderr.write(f"test-kubernetes: skipped: a node needs {absent}\n")
        return 0
    layout = Layout("", cache(), cache())
    if not parts.ready(layout):
        sys.stderr.write(f"test-kubernetes: bringing Kubernetes into {cache()}, once; some minutes\n")
    try:
        parts.bring(layout)
        if os.environ.get("TOKMETER_TEST_PROMETHEUS") != "no":
            prometheus.build()
    except subprocess.SubprocessError as failed:
        # Nothing of ours: without the module proxy or Debian's packages there is no node, and its tests skip and say so.
        sys.stderr.write(f"test-kubernetes: skipped: {failed}\n")
        return 0
    pause(layout)
    for archive in images.ALL:
        archive()
    return 0


if __name__ == "__main__":
    sys.exit(main())
