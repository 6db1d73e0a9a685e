"""The root folders of images, made of what this machine has: an interpreter, Node, tools, and the libraries they need.

Stands in for the base images of `deploy/docker`, which come from a registry. Owns folders only; what an image is called
and runs is `images`.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_UNUSED = shutil.ignore_patterns(
    "__pycache__", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "config-3*", "site-packages"
)
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")
_FOLDERS = (
    "tmp",
    "proc",
    "sys",
    "dev",
    "run",
    "etc",
    "usr/bin",
    "usr/lib",
    "usr/lib64",
    "usr/local/bin",
    "usr/local/lib",
)
_PEOPLE = "root:x:0:0:root:/:/bin/sh\ntokmeter:x:1338:1338:tokmeter:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"


class Root:
    """A folder that becomes the root of containers."""

    def __init__(self, folder: Path) -> None:
        """Made anew."""
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder
        for place in (
            "tmp",
            "proc",
            "sys",
            "dev",
            "run",
            "etc",
            "usr/local/bin",
            "usr/local/lib",
            "usr/bin",
            "usr/lib",
            "usr/lib64",
        ):
            (folder / place).mkdir(parents=True, exist_ok=True)
        for link in ("bin", "lib", "lib64"):
            (folder / link).symlink_to(f"usr/{link}")
        (folder / "sbin").symlink_to("usr/bin")
        (folder / "tmp").chmod(0o1777)
        (folder / "etc/passwd").write_text(_PEOPLE)
        (folder / "etc/nsswitch.conf").write_text("hosts: files dns\n")

    @property
    def packages(self) -> Path:
        """Where the interpreter of the image looks for packages."""
        major, minor = sys.version_info[:2]
        return self.folder / f"usr/local/lib/python{major}.{minor}/site-packages"

    def add_python(self) -> None:
        """The interpreter that runs this, with its standard library, as /usr/local/bin/python3."""
        name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        prefix, local = Path(sys.base_prefix), self.folder / "usr/local"
        shutil.copy2(prefix / "bin" / name, local / "bin" / name)
        (local / "bin/python3").symlink_to(name)
        shutil.copytree(prefix / "lib" / name, local / "lib" / name, ignore=_UNUSED, symlinks=True)
        self.packages.mkdir()

    def add_packages(self, *words: str) -> None:
        """Packages by the words of ``uv pip install``."""
        uv = subprocess.run(
            ("scripts/find-uv",), cwd=REPOSITORY, check=True, capture_output=True, text=True
        ).stdout.strip()
        command = (uv, "pip", "install", "--quiet", "--python", sys.executable, "--target", str(self.packages), *words)
        subprocess.run(command, cwd=REPOSITORY, check=True, timeout=300)

    def add_programs(self, *programs: str) -> None:
        """Programs of this machine, found by name."""
        for program in programs:
            found = shutil.which(program)
            if found is None:
                raise FileNotFoundError(program)
            shutil.copy2(Path(found).resolve(), self.folder / "usr/bin" / program)

    def add_public_roots(self) -> None:
        """The roots that everybody trusts, where programs of Debian look."""
        certificates = self.folder / "etc/ssl/certs"
        certificates.mkdir(parents=True)
        shutil.copy2("/etc/ssl/certs/ca-certificates.crt", certificates)

    def add_script(self, name: str, *lines: str) -> None:
        """An executable text in /usr/local/bin."""
        script = self.folder / "usr/local/bin" / name
        script.write_text("\n".join(lines) + "\n")
        script.chmod(0o755)

    def finish(self) -> None:
        """Compiles its Python, adds the shared libraries that everything in it needs, and the loader's list of them."""
        if (self.folder / "usr/local/bin/python3").is_symlink():
            compile_all = (
                sys.executable,
                "-m",
                "compileall",
                "-q",
                "-j",
                "2",
                "-o",
                "0",
                "-o",
                "1",
                "--invalidation-mode",
                "unchecked-hash",
            )
            # Some packages hold text of other versions of Python, which is no mistake of ours.
            subprocess.run(
                (*compile_all, "-s", str(self.folder), str(self.folder / "usr/local/lib")),
                check=False,
                timeout=300,
                capture_output=True,
            )
        needed = set(_needed(_objects(self.folder)))
        needed |= set(Path("/lib/x86_64-linux-gnu").glob("libnss_[fd]*.so.2"))
        for library in sorted(needed):
            loader = library.name.startswith("ld-linux")
            target = self.folder / ("usr/lib64" if loader else "usr/local/lib") / library.name
            if not target.exists():
                shutil.copy2(library.resolve(), target)
        (self.folder / "etc/ld.so.conf").write_text("/usr/local/lib\n")
        subprocess.run(("/sbin/ldconfig", "-r", str(self.folder)), check=True, timeout=60)


def _objects(folder: Path) -> Iterable[Path]:
    for file in folder.rglob("*"):
        if file.is_file() and not file.is_symlink() and (".so" in file.name or file.stat().st_mode & 0o100):
            with file.open("rb") as opened:
                if opened.read(4) == b"\x7fELF":
                    yield file


def _needed(objects: Iterable[Path]) -> Iterable[Path]:
    """What the loader of this machine finds for them; packages that bring libraries of their own find them beside them."""
    files = list(objects)
    said = subprocess.run(("ldd", *map(str, files)), capture_output=True, check=False, text=True, timeout=120).stdout
    own = {file.parents[1] for file in files}
    for line in said.splitlines():
        found = _LIBRARY.search(line)
        if found and not any(Path(found[1]).is_relative_to(folder) for folder in own):
            yield Path(found[1])


def wheel(dist: Sequence[Path]) -> Path:
    """The release wheel that `make wheel-smoke` left. Raises `FileNotFoundError`."""
    if not dist:
        raise FileNotFoundError("no wheel in dist/: run `make wheel-smoke` first")
    return dist[0]
