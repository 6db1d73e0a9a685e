"""What every test may ask for: the tree, the recordings, a tool by name, an expected output.

Owns skipping by name: a test that needs something this machine lacks says what, and what would bring it.
"""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".cache" / "tools" / "usr" / "bin"
# Kernel tools live where an ordinary user's PATH does not look.
PLACES = (str(TOOLS), "/usr/sbin", "/sbin")
BRINGS = {
    "promtool": "apt package prometheus",
    "prometheus": "apt package prometheus",
    "nft": "apt package nftables",
    "ip": "apt package iproute2",
    "go": "the Go toolchain",
    "java": "a JDK of 17 or newer",
    "node": "Node.js 20 or newer",
}

# A background job of a shell ignores SIGINT, and so would every program that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["PATH"] = os.pathsep.join((*PLACES, os.environ.get("PATH", "")))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite expected outputs instead of comparing")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def recordings() -> Path:
    """Recorded provider traffic, which is kept beside the repository and read in place."""
    folder = ROOT.parent / "shared" / "recordings"
    if not folder.is_dir():
        pytest.skip("needs ../shared/recordings beside the repository")
    return folder


@pytest.fixture(scope="session")
def tool() -> Callable[[str], str]:
    """Finds a program by name, or skips the test and says what would bring it."""

    def find(name: str) -> str:
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"needs {name} ({BRINGS.get(name, f'apt package {name}')})")
        return found

    return find


@pytest.fixture
def root_user() -> None:
    """Skips where the test cannot make network namespaces."""
    if os.geteuid() != 0:
        pytest.skip("needs root: makes network namespaces and redirects in them")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with tests/golden/NAME; `make golden` rewrites it, and people read the difference."""

    def compare(name: str, text: str) -> None:
        path = ROOT / "tests" / "golden" / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        if not path.exists():
            pytest.fail(f"{path.relative_to(ROOT)} is missing: run `make golden` and read what it writes")

        assert text == path.read_text(encoding="utf-8"), f"{name} changed: run `make golden` and read the difference"

    return compare
