"""A host made of files: processes, control groups, and what runtimes and the kubelet keep, below a temporary folder."""

from __future__ import annotations

import json
from pathlib import Path

from tokmeter.resolve import Roots

ID = "4f1c" + "0123456789ab" * 5
OTHER = "9e0d" + "ba9876543210" * 5
SANDBOX = "77aa" + "abcdefabcdef" * 5
UID = "0a1b2c3d-1111-4222-8333-444455556666"
UNDERSCORED = UID.replace("-", "_")
STATIC_UID = "0123456789abcdef0123456789abcdef"
POD = "checkout-7d4b9c8f6d-x2x7k"

V1_CONTROLLERS = ("cpu,cpuacct", "memory", "pids", "name=systemd")
CANARY = "sk-canary-do-not-keep"
HOST_USERS = "         0          0 4294967295\n"


def v1(path: str) -> str:
    return "".join(f"{n}:{name}:{path}\n" for n, name in enumerate(V1_CONTROLLERS, 1))


def v2(path: str) -> str:
    return f"0::{path}\n"


def hybrid(path: str, unified: str = "/system.slice/containerd.service") -> str:
    return v1(path) + v2(unified)


class Host:
    """Writes what a kernel, a runtime and a kubelet would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.roots = Roots.below(root)
        self.write("etc/passwd", "root:x:0:0:root:/:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n")

    def write(self, place: str, content: str | bytes) -> Path:
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def process(
        self,
        pid: int,
        *,
        comm: str = "python3",
        cgroup: str = v2("/"),
        environ: dict[str, str] | None = None,
        cmdline: tuple[str, ...] = ("python3", "app.py", "--key", CANARY),
        uid: int = 1000,
        start: int = 4242,
        image: int = 7,
        uid_map: str = HOST_USERS,
    ) -> None:
        tail = ["S", "1", *["0"] * 17, str(start), *["0"] * 5, str(image), *["0"] * 21, str(image), "0", "0"]
        self.write(f"proc/{pid}/stat", f"{pid} ({comm}) {' '.join(tail)}\n")
        self.write(
            f"proc/{pid}/status", f"Name:\t{comm}\nUmask:\t0022\nUid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t5\t5\t5\t5\n"
        )
        self.write(f"proc/{pid}/cgroup", cgroup)
        self.write(f"proc/{pid}/cmdline", "".join(f"{word}\0" for word in cmdline))
        variables = {"OPENAI_API_KEY": CANARY} | (environ or {})
        self.write(f"proc/{pid}/environ", "".join(f"{key}={value}\0" for key, value in variables.items()))
        self.write(f"proc/{pid}/uid_map", uid_map)

    def inside(self, pid: int, place: str, content: str) -> None:
        """A file as the process sees it, below its own root directory."""
        root = f"proc/{pid}/root"
        self.write(f"{root}/{place}", content)

    def bundle(self, container_id: str, annotations: dict[str, str], task: str = "containerd") -> None:
        """As containerd's shim keeps it."""
        spec = {"process": {"env": [f"KEY={CANARY}"], "args": ["x", CANARY]}, "annotations": annotations}
        folder = f"run/{task}/io.containerd.runtime.v2.task/k8s.io/{container_id}"
        self.write(f"{folder}/config.json", json.dumps(spec))

    def cri(self, container_id: str, container: str | None, pod: str = POD, namespace: str = "shop") -> None:
        """The annotations of containerd's CRI plugin; `container` is None for a sandbox."""
        named = {"io.kubernetes.cri.container-name": container} if container else {}
        self.bundle(
            container_id,
            named
            | {
                "io.kubernetes.cri.container-type": "container" if container else "sandbox",
                "io.kubernetes.cri.sandbox-id": SANDBOX,
                "io.kubernetes.cri.sandbox-name": pod,
                "io.kubernetes.cri.sandbox-namespace": namespace,
                "io.kubernetes.cri.sandbox-uid": UID,
            },
        )

    def docker(self, container_id: str, name: str, labels: dict[str, str] | None = None) -> None:
        stored = {"ID": container_id, "Name": f"/{name}", "Config": {"Env": [f"K={CANARY}"], "Labels": labels or {}}}
        self.write(f"var/lib/docker/containers/{container_id}/config.v2.json", json.dumps(stored))

    def stored(self, names: dict[str, str], place: str = "containers.json") -> None:
        """As Podman and CRI-O list their containers."""
        listed = [
            {"id": each, "names": [name], "image": "0", "layer": "0", "flags": {}} for each, name in names.items()
        ]
        self.write(f"var/lib/containers/storage/overlay-containers/{place}", json.dumps(listed))

    def logs(
        self, pod: str = POD, namespace: str = "shop", uid: str = UID, containers: tuple[str, ...] = ("app",)
    ) -> None:
        for container in containers:
            self.write(f"var/log/pods/{namespace}_{pod}_{uid}/{container}/0.log", "")

    def group(self, place: str, pids: list[int]) -> None:
        """A control group below the mount, with all those above it."""
        folder = self.root / "sys/fs/cgroup" / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
