"""The images of these tests: tokmeter itself, and unmodified programs that ask providers. Kept until what they hold changes."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.kubernetes import material, runtimes
from tests.kubernetes.node import images
from tests.kubernetes.node.layout import REGISTRY, cache
from tests.kubernetes.roots import REPOSITORY, Root, wheel

TOKMETER = f"{REGISTRY}/tokmeter:test"
PYTHON_APP = f"{REGISTRY}/python-app:test"
NODE_APP = f"{REGISTRY}/node-app:test"
RUNTIMES = f"{REGISTRY}/runtimes:test"
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
        root.add_public_roots()

    return kept(PYTHON_APP, (locked,), fill, entrypoint=("/usr/local/bin/python3",))


def node_app() -> Path:
    """openai for Node and nothing of ours."""
    lock = _CLIENTS / "node/package-lock.json"

    def fill(root: Root) -> None:
        root.add_programs("node")
        shutil.copytree(_CLIENTS / "node/node_modules", root.folder / "app/node_modules", symlinks=True)

    return kept(NODE_APP, (lock,), fill, entrypoint=("/usr/bin/node",))


def runtimes_app() -> Path:
    """One program for each runtime whose trust is tried, but for Node, which has an image already."""
    locked, present = REPOSITORY / "requirements/clients.txt", runtimes.present()

    def fill(root: Root) -> None:
        root.add_python()
        root.add_packages("-c", str(locked), "requests", "httpx", "aiohttp", "boto3", runtimes.GRPCIO)
        root.add_programs("curl")
        root.add_public_roots()
        for runtime in present:
            runtimes.add(root, runtime)
        (root.folder / "etc/provider").mkdir()
        (root.folder / material.UPSTREAM_CA.removeprefix("/")).write_bytes(material.certificate()[1])

    material.certificate()
    made_of = (locked, *runtimes.BUILT, Path(runtimes.__file__), material.file())
    return kept(RUNTIMES, made_of, fill, entrypoint=("/usr/local/bin/python3",), also=" ".join(present))


def kept(
    name: str,
    made_of: tuple[Path, ...],
    fill: Callable[[Root], None],
    *,
    entrypoint: tuple[str, ...],
    user: str = "",
    also: str = "",
) -> Path:
    """The archive in the cache, made if what it is made of changed: files, and what else `also` names."""
    parts = (*made_of, Path(__file__), Path(__file__).with_name("roots.py"))
    key = hashlib.sha256(b"".join(part.read_bytes() for part in parts) + also.encode()).hexdigest()[:16]
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


LOADED: tuple[Callable[[], Path], ...] = (tokmeter, python_app, node_app)
"""What makes each archive that every node has, or finds it."""
ALL = (*LOADED, runtimes_app)
"""Those, and what one test gives to its node."""
