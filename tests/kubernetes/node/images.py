"""Container images without a registry: one layer from a folder, in the archive form that containerd imports."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.kubernetes.node import parts
from tests.kubernetes.node.configuration import PAUSE_IMAGE
from tests.kubernetes.node.layout import Layout

_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"


@dataclass(frozen=True, slots=True)
class Image:
    """A folder that becomes the root of containers."""

    name: str
    root: Path
    entrypoint: Sequence[str] = ()
    user: str = ""
    environment: Mapping[str, str] | None = None


def pause(layout: Layout) -> Path:
    """The archive of the image that holds a pod's namespaces."""
    archive = layout.cache / "pause.tar"
    if not archive.exists():
        with TemporaryDirectory() as folder:
            shutil.copy2(parts.pause(layout), Path(folder) / "pause")
            write(Image(PAUSE_IMAGE, Path(folder), ("/pause",)), archive)
    return archive


def write(image: Image, archive: Path) -> None:
    """The image as a file. The same folder gives the same bytes; all of it belongs to root."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    half = archive.with_suffix(".half")
    layer = half.with_suffix(".layer")
    with tarfile.open(layer, "w") as tar:
        for child in sorted(image.root.iterdir()):
            tar.add(child, arcname=child.name, filter=_plain)
    with layer.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = json.dumps(_config(image, digest)).encode()
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [image.name], "Layers": [f"{digest}/layer.tar"]}]
    with tarfile.open(half, "w") as tar:
        for member, content in ((name, config), ("manifest.json", json.dumps(manifest).encode())):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        tar.add(layer, arcname=f"{digest}/layer.tar", filter=_plain)
    layer.unlink()
    half.rename(archive)


def load(layout: Layout, archive: Path) -> None:
    """Gives an archive to the runtime. Runs inside of the node's namespaces."""
    command = ("ctr", "-a", str(layout.containerd_socket), "-n", "k8s.io", "images", "import", str(archive))
    subprocess.run(command, check=True, timeout=120, stdout=subprocess.DEVNULL)


def _config(image: Image, digest: str) -> dict[str, Any]:
    environment = {"PATH": _PATH} | dict(image.environment or {})
    return {
        "architecture": "amd64",
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "Entrypoint": list(image.entrypoint) or None,
            "User": image.user,
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
        "history": [{"created_by": "tests"}],
    }


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = 0
    return member
