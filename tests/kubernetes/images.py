"""The images of these tests: tokmeter itself, and unmodified programs that ask providers. Kept until what they hold changes."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.kubernetes import material
from tests.kubernetes.node import images
from tests.kubernetes.node.layout import REGISTRY, cache
from tests.kubernetes.roots import REPOSITORY, Root, wheel

TOKMETER = f"{REGISTRY}/tokmeter:test"
PYTHON_APP = f"{REGISTRY}/python-app:test"
NODE_APP = f"{REGISTRY}/node-app:test"
_CLIENTS = REPOSITORY / "tests/clients"


def tokmeter() -> Path:
    """The archive of tokmeter's image: the release wheel, its locked requirements and nft, as `deploy/docker` has it."""
    release = wheel(sorted((REPOSITORY / "dist").glob("tokmeter-*.whl")))
    locked = REPOSITORY / "requirements/image.txt"
    material.certificate()

    def fill(root: Root) -> None:
        root.add_python()
        root.add_packages("--require-hashes", "-r", str(locked))
        root.add_packages("--no-deps", str(release))
        root.add_programs("nft")
        root.add_script("tokmeter", "#!/usr/local/bin/python3", "from tokmeter.cli import main", "main()")
        (root.folder / "etc/provider").mkdir()
        for file, content in zip((material.CERTIFICATE, material.UPSTREAM_CA), material.certificate(), strict=True):
            (root.folder / file.removeprefix("/")).write_bytes(content)

    return kept(
        TOKMETER, (release, locked, material.file()), fill, entrypoint=("/usr/local/bin/tokmeter",), user="1338:1338"
    )


def python_app() -> Path:
    """openai-python and nothing of ours."""
    locked = REPOSITORY / "requirements/clients.txt"

    def fill(root: Root) -> None:
        root.add_python()
        root.add_packages("-c", str(locked), "openai", "requests")
        root.add_programs("curl", "dash")
        (root.folder / "usr/bin/sh").symlink_to("dash")
        (root.folder / "etc/ssl/certs").mkdir(parents=True)
        shutil.copy2("/etc/ssl/certs/ca-certificates.crt", root.folder / "etc/ssl/certs")

    return kept(PYTHON_APP, (locked,), fill, entrypoint=("/usr/local/bin/python3",))


def node_app() -> Path:
    """openai for Node and nothing of ours."""
    lock = _CLIENTS / "node/package-lock.json"

    def fill(root: Root) -> None:
        root.add_programs("node")
        shutil.copytree(_CLIENTS / "node/node_modules", root.folder / "app/node_modules", symlinks=True)

    return kept(NODE_APP, (lock,), fill, entrypoint=("/usr/bin/node",))


def kept(
    name: str, made_of: tuple[Path, ...], fill: Callable[[Root], None], *, entrypoint: tuple[str, ...], user: str = ""
) -> Path:
    """The archive in the cache, made if what it is made of changed."""
    parts = (*made_of, Path(__file__), Path(__file__).with_name("roots.py"))
    key = hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:16]
    short = name.rpartition("/")[2].partition(":")[0]
    archive = cache() / "images" / f"{short}-{key}.tar"
    if not archive.exists():
        for old in archive.parent.glob(f"{short}-*.tar"):
            old.unlink()
        root = Root(cache() / "images" / f"{short}.root")
        fill(root)
        root.finish()
        images.write(images.Image(name, root.folder, entrypoint, user), archive)
        shutil.rmtree(root.folder)
    return archive


ALL: tuple[Callable[[], Path], ...] = (tokmeter, python_app, node_app)
"""What makes each archive, or finds it."""
