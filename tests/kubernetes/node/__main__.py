"""A node to play with: ``python -m tests.kubernetes.node up|down|kubectl|enter WORDS``."""

import subprocess
import sys

from tests.kubernetes.node import images, parts
from tests.kubernetes.node.cluster import Node, absent
from tests.kubernetes.node.layout import Layout, cache


def main(words: list[str]) -> int:
    """Does what the first word says."""
    layout = Layout("tokmeter-play", cache() / "play", cache())
    node = Node(layout)
    match words:
        case ["up"]:
            lacking = absent()
            if lacking is not None:
                sys.stderr.write(f"a Kubernetes node needs {lacking}\n")
                return 3
            parts.bring(layout)
            images.pause(layout)
            node.start()
        case ["down"]:
            node.stop()
        case ["kubectl", *_]:
            return subprocess.run(node.entering(*words), check=False).returncode
        case ["enter", *command]:
            return subprocess.run(node.entering(*command), check=False).returncode
        case _:
            sys.stderr.write(f"{__doc__}\n")
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
