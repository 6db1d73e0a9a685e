"""Brings what a node is made of into the cache: Debian packages, unpacked, and daemons, built. Minutes once, then nothing."""

import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kubernetes.node.layout import COREDNS, KUBERNETES, Layout

_PACKAGES = ("containerd", "runc", "etcd-server", "containernetworking-plugins")
_DAEMONS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "kubectl")
_PAUSE = Path(__file__).with_name("pause.c")
BUILD_S = 1800
"""How long building may take: four minutes on two idle cores."""


def missing(layout: Layout) -> str | None:
    """What of this machine a node needs and is not here; None if it can be brought."""
    if os.geteuid() != 0:
        return "root"
    tools = ("go", "gcc", "apt-get", "dpkg-deb", "unshare", "nsenter", "ip", "nft")
    absent = [tool for tool in tools if shutil.which(tool) is None]
    if "go" in absent and _built(layout):
        absent.remove("go")
    return ", ".join(absent) or None


def ready(layout: Layout) -> bool:
    """Whether the cache has everything already."""
    return _unpacked(layout) and _built(layout) and pause(layout).exists()


def bring(layout: Layout) -> None:
    """Packages and daemons, unless the cache has them. Raises `subprocess.CalledProcessError`."""
    layout.cache.mkdir(parents=True, exist_ok=True)
    if not _unpacked(layout):
        _unpack(layout.packages)
    if not _built(layout):
        _build(layout.daemons)
    if not pause(layout).exists():
        command = ("gcc", "-Os", "-static", "-o", str(pause(layout)), str(_PAUSE))
        subprocess.run(command, check=True, timeout=60)


def pause(layout: Layout) -> Path:
    """The program that holds a pod's namespaces."""
    return layout.cache / "pause"


def _unpacked(layout: Layout) -> bool:
    return (layout.packages / "usr/bin/containerd").exists()


def _built(layout: Layout) -> bool:
    return all((layout.daemons / name).exists() for name in (*_DAEMONS, "coredns"))


def _unpack(target: Path) -> None:
    with TemporaryDirectory() as folder:
        # The download helper drops to a user that must be able to write here.
        Path(folder).chmod(0o755)
        try:
            _download(folder)
        except subprocess.CalledProcessError:
            # A machine that was never asked for packages has no list of them.
            subprocess.run(("apt-get", "update", "-qq"), check=True, timeout=300, capture_output=True)
            _download(folder)
        for package in Path(folder).glob("*.deb"):
            subprocess.run(("dpkg-deb", "-x", str(package), str(target)), check=True, timeout=60)


def _download(folder: str) -> None:
    subprocess.run(("apt-get", "download", "-qq", *_PACKAGES), cwd=folder, check=True, timeout=300, capture_output=True)


def _build(target: Path) -> None:
    """Builds in place of this file's module, whose go.mod says which sources. A rename makes a daemon whole or absent."""
    here = Path(__file__).parent
    version = "k8s.io/component-base/version"
    major, minor = KUBERNETES.removeprefix("v").split(".")[:2]
    facts = {
        "gitVersion": KUBERNETES,
        "gitMajor": major,
        "gitMinor": minor,
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    flags = " ".join(("-s -w", *(f"-X {version}.{key}={value}" for key, value in facts.items())))
    target.mkdir(parents=True, exist_ok=True)
    for name in _DAEMONS:
        if (target / name).exists():
            continue
        half = target / f".{name}"
        command = ("go", "build", "-ldflags", flags, "-o", str(half), f"k8s.io/kubernetes/cmd/{name}")
        subprocess.run(command, cwd=here, check=True, timeout=BUILD_S)
        half.rename(target / name)
    if not (target / "coredns").exists():
        install = ("go", "install", f"github.com/coredns/coredns@{COREDNS}")
        subprocess.run(install, env=os.environ | {"GOBIN": str(target)}, check=True, timeout=BUILD_S)
