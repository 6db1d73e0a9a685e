"""One Kubernetes node on this machine, in namespaces of its own: API server, controllers, scheduler, kubelet, containerd.

Nothing of it is installed, and nothing is left when it ends: its processes live in one process namespace, its links in
one network namespace, its mounts in one mount namespace, its control groups below one name.
"""

from tests.kubernetes.node.cluster import Node, NodeError, running

__all__ = ["Node", "NodeError", "running"]
