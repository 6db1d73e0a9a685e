"""Where things are and what they are called. Reads the environment once; creates nothing."""

import os
from dataclasses import dataclass
from pathlib import Path

KUBERNETES = "v1.34.4"
COREDNS = "v1.12.4"

NODE_IP = "10.99.0.1"
API_PORT = 16443
API_SERVICE_IP = "10.96.0.1"
SERVICE_RANGE = "10.96.0.0/16"
POD_RANGE = "10.244.0.0/24"
REGISTRY = "tokmeter.test"
"""What the names of all images begin with; nothing is ever asked for there."""


def cache() -> Path:
    """Where daemons are kept between runs and checkouts: building them takes minutes."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "tokmeter" / f"kubernetes-{KUBERNETES}"


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one node. `work` must not lie below /var or /run, which are mounted over in the node's namespace."""

    name: str
    work: Path
    cache: Path

    @property
    def daemons(self) -> Path:
        """kube-apiserver and the rest, built from the module proxy."""
        return self.cache / "bin"

    @property
    def packages(self) -> Path:
        """Unpacked Debian packages: containerd, runc, etcd, the network plug-ins."""
        return self.cache / "packages"

    @property
    def pki(self) -> Path:
        """Keys, certificates, tokens and kubeconfigs of this node."""
        return self.work / "pki"

    @property
    def run(self) -> Path:
        """State of the running node."""
        return self.work / "run"

    @property
    def logs(self) -> Path:
        """What the daemons say."""
        return self.run / "log"

    @property
    def containerd_socket(self) -> Path:
        """The runtime's socket, inside of the node's mount namespace."""
        return self.run / "containerd" / "containerd.sock"

    @property
    def admin(self) -> Path:
        """The kubeconfig that may do everything."""
        return self.pki / "admin.kubeconfig"

    def path(self) -> str:
        """PATH for whatever runs on the node."""
        own = (self.daemons, self.packages / "usr/bin", self.packages / "usr/sbin")
        return ":".join((*map(str, own), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"))
