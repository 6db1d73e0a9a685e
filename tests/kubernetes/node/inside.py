"""The first process of a node's namespaces: mounts, links, control groups and daemons; then it buries whoever ends.

Its own end is the end of everything in its process namespace. Started by `cluster` as
``python -m tests.kubernetes.node.inside NAME WORK CACHE``.
"""

import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.kubernetes.node import configuration, images
from tests.kubernetes.node.layout import NODE_IP, Layout

_START_S = 60
# kubelet insists on these, which are the whole machine's. It compares before it writes, so it is shown files that say so.
_WANTED = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
_HIERARCHIES = (
    "cpu",
    "cpuacct",
    "cpuset",
    "memory",
    "devices",
    "freezer",
    "blkio",
    "pids",
    "systemd",
    "hugetlb",
    "unified",
)
_CGROUPS = Path("/sys/fs/cgroup")


def main(name: str, work: str, cache: str) -> None:
    """Start everything, then wait for ever."""
    layout = Layout(name, Path(work), Path(cache))
    socket.sethostname(name)
    os.environ["PATH"] = layout.path()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    _mounts(layout)
    _links()
    configuration.write(layout, _control_groups(layout))
    for daemon, command in configuration.first(layout).items():
        _start(layout, daemon, command)
    ctr = ("ctr", "-a", str(layout.containerd_socket))
    _await("the container runtime", (*ctr, "version"))
    images.load(layout, images.pause(layout))
    _await("the API server", ("kubectl", "--kubeconfig", str(layout.admin), "get", "--raw", "/readyz"))
    for daemon, command in configuration.then(layout).items():
        _start(layout, daemon, command)
    (layout.run / "started").touch()
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.pause()


def _mounts(layout: Layout) -> None:
    """A view of /var and /run of the node's own: kubelet, the plug-ins and the shim write to fixed places there."""
    for folder in ("var.upper", "var.work", "kubelet", "pods", "etcd", "volumes", "cni"):
        (layout.run / folder).mkdir(parents=True)
    overlay = f"lowerdir=/var,upperdir={layout.run}/var.upper,workdir={layout.run}/var.work"
    _run("mount", "-t", "overlay", "overlay", "-o", overlay, "/var")
    _run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    Path("/run/lock").mkdir()
    for place, value in _WANTED.items():
        shown = layout.run / f"shown.{place.replace('/', '.')}"
        shown.write_text(f"{value}\n")
        _run("mount", "--bind", str(shown), f"/proc/sys/{place}")


def _links() -> None:
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "link", "add", "node0", "type", "veth", "peer", "name", "node1")
    for link in ("node0", "node1"):
        _run("ip", "link", "set", link, "up")
    _run("ip", "addr", "add", f"{NODE_IP}/24", "dev", "node0")
    # Addresses of services are routed before they are rewritten.
    _run("ip", "route", "add", "default", "dev", "node0")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _control_groups(layout: Layout) -> str:
    """One parent of the node's own in each hierarchy of version 1; version 2 needs none. Its path below them."""
    if (_CGROUPS / "cgroup.controllers").exists():
        return ""
    for hierarchy in _HIERARCHIES:
        if (_CGROUPS / hierarchy).is_dir():
            (_CGROUPS / hierarchy / layout.name).mkdir(exist_ok=True)
    return f"/{layout.name}"


def _start(layout: Layout, daemon: str, command: tuple[str, ...]) -> None:
    with (layout.logs / f"{daemon}.log").open("wb") as log:
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def _await(what: str, command: tuple[str, ...]) -> None:
    until = time.monotonic() + _START_S
    while subprocess.run(command, capture_output=True, check=False, timeout=_START_S).returncode != 0:
        if time.monotonic() > until:
            sys.exit(f"{what} did not answer within {_START_S} s")
        time.sleep(0.1)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, timeout=30)


if __name__ == "__main__":
    main(*sys.argv[1:])
