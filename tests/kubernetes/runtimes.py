"""The programs of the trust tests in an image: each runtime from what this machine has of it, or not at all.

Owns which tools a runtime needs here and what is put into the root. What the programs are asked is the test's to know.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.kubernetes.roots import REPOSITORY, Root

PROGRAMS = REPOSITORY / "tests/clients/trust"
BUILT = (PROGRAMS / "ask.go", PROGRAMS / "Ask.java")
"""Those that an image holds; the others are given to an interpreter in it."""
GRPCIO = "grpcio==1.85.3"
"""Not among the locked clients: no SDK that is tested there speaks gRPC."""
_GIT_HELPERS = Path("/usr/lib/git-core")
_TOOLS = {"go": ("go",), "java": ("java", "javac", "jlink"), "git": ("git",)}
_JAVA_MODULES = "java.net.http,jdk.crypto.ec"
_BUILD_S = 240


def lacking(runtime: str) -> str | None:
    """What of this machine a runtime needs and is not here; None if its programs can be made."""
    absent = [tool for tool in _TOOLS.get(runtime, ()) if shutil.which(tool) is None]
    if runtime == "git" and not (_GIT_HELPERS / "git-remote-https").exists():
        absent.append("git's helper for https")
    return ", ".join(absent) or None


def present() -> tuple[str, ...]:
    """The runtimes of those that a machine may lack, which this one has."""
    return tuple(runtime for runtime in _TOOLS if lacking(runtime) is None)


def add(root: Root, runtime: str) -> None:
    """Puts the programs of one of `present` into the image."""
    {"go": _add_go, "java": _add_java, "git": _add_git}[runtime](root)


def _add_go(root: Root) -> None:
    """A program without shared libraries, as most images of Go have."""
    target = root.folder / "usr/local/bin/ask-go"
    environment = os.environ | {"CGO_ENABLED": "0", "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": ""}
    _run(("go", "build", "-ldflags", "-s -w", "-o", str(target), "ask.go"), environment)


def _add_java(root: Root) -> None:
    """A runtime of the modules that the program needs, a quarter of a whole one."""
    target = root.folder / "opt/java"
    target.parent.mkdir()
    small = ("--strip-java-debug-attributes", "--no-header-files", "--no-man-pages", "--compress=2")
    _run(("jlink", "--add-modules", _JAVA_MODULES, *small, "--output", str(target)))
    _run(("javac", "-d", str(root.folder / "opt"), "Ask.java"))


def _add_git(root: Root) -> None:
    root.add_programs("git")
    helpers = root.folder / _GIT_HELPERS.relative_to("/")
    helpers.mkdir()
    shutil.copy2((_GIT_HELPERS / "git-remote-https").resolve(), helpers / "git-remote-https")


def _run(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    subprocess.run(command, cwd=PROGRAMS, env=environment, check=True, timeout=_BUILD_S)
