"""Where a host keeps what names its processes. Knows the places, not their content.

A program on the host reads them where they are; one in a container reads them where they are mounted. The process ids
asked about are those of `proc`, so it must be the host's: a pod needs ``hostPID`` as well as the mount.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Roots:
    """Folders and one file, each of which may be absent: what is not there names nothing."""

    proc: Path = Path("/proc")
    cgroup: Path = Path("/sys/fs/cgroup")
    kubelet: Path = Path("/var/lib/kubelet")
    pod_logs: Path = Path("/var/log/pods")
    container_logs: Path = Path("/var/log/containers")
    run: Path = Path("/run")
    docker: Path = Path("/var/lib/docker")
    storage: Path = Path("/var/lib/containers/storage")
    """What Podman and CRI-O keep; that of a user's own Podman, below their home, is not looked for."""
    passwd: Path = Path("/etc/passwd")

    @classmethod
    def below(cls, host: Path) -> Roots:
        """The same places of a host whose root directory is mounted at `host`."""
        return cls(
            proc=host / "proc",
            cgroup=host / "sys/fs/cgroup",
            kubelet=host / "var/lib/kubelet",
            pod_logs=host / "var/log/pods",
            container_logs=host / "var/log/containers",
            run=host / "run",
            docker=host / "var/lib/docker",
            storage=host / "var/lib/containers/storage",
            passwd=host / "etc/passwd",
        )

    def process(self, pid: int) -> Path:
        """The folder of a process, which may be gone."""
        return self.proc / str(pid)
