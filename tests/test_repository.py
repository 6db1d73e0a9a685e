"""The house rules that no linter has: sizes, twins, first lines, words, blobs, locks, changelog.

Each rule reads what git tracks, so that caches and build results never count. A rule is relaxed by an entry with its
reason in one of the tables here, never in silence.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SOURCE = {".c", ".go", ".java", ".js", ".mjs", ".cjs", ".py", ".rs", ".sh"}
LINES_MAX = 600
BLOB_BYTES_MAX = 512 * 1024
# A file past LINES_MAX says so, with the reason, in its first lines.
LONG_REASON = re.compile(r"\bLong because\b")
FIRST_LINES = 15

# Data that ships with the product, each with its source, licence and hash beside it.
LARGE_DATA = ("meter_core/data/",)

# Words that say nothing about what a file holds.
EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}

# Product modules without a twin test of their own, and what tests them instead.
TWINLESS: dict[str, str] = {}

# Split so that this file does not contain what it looks for.
MARKS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
PLACES = re.compile("|".join((r"/ho" + r"me/[a-z]", r"/roo" + r"t/", r"/wo" + r"rk/", r"/tm" + r"p/w")))
PROCESS = re.compile(r"\b(" + "|".join(("sub" + "agents?", "before-" + "stop", "C" + "EO")) + r")\b", re.IGNORECASE)

SECTIONS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def tracked() -> list[Path]:
    """What git tracks; in an unpacked archive, what is there outside caches."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        names = [Path(name) for name in listed.decode().split("\0") if name]
        return [name for name in names if (ROOT / name).is_file()]
    hidden = {"target", "node_modules", "dist", "__pycache__"}
    return [
        path.relative_to(ROOT)
        for path in ROOT.rglob("*")
        if path.is_file() and not any(part.startswith(".") or part in hidden for part in path.relative_to(ROOT).parts)
    ]


FILES = tracked()
SOURCES = [path for path in FILES if path.suffix in SOURCE]
THIS = Path("tests/test_repository.py")


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def texts() -> list[Path]:
    """Every tracked text but this one."""
    kept = []
    for path in FILES:
        if path == THIS or path.as_posix().startswith(LARGE_DATA):
            continue
        try:
            text(path)
        except UnicodeDecodeError:
            continue
        kept.append(path)
    return kept


def lines_matching(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(text(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_long_files_say_why() -> None:
    unexplained = []
    for path in SOURCES:
        lines = text(path).splitlines()
        if len(lines) > LINES_MAX and not LONG_REASON.search("\n".join(lines[:FIRST_LINES])):
            unexplained.append(
                f"{path}: {len(lines)} lines; find a seam, or write 'Long because ...' in its first lines"
            )

    assert unexplained == []


def test_no_large_blobs() -> None:
    large = [
        f"{path}: {size // 1024} KiB"
        for path in FILES
        if not path.as_posix().startswith(LARGE_DATA) and (size := (ROOT / path).stat().st_size) > BLOB_BYTES_MAX
    ]

    assert large == []


def test_files_are_named_after_a_noun() -> None:
    assert [str(path) for path in SOURCES if path.stem in EMPTY_NAMES] == []


@pytest.mark.parametrize(
    ("suffix", "opening", "folders"),
    [
        (".py", ('"""', 'r"""'), ("python/", "scripts/", "tests/", "bench/", "examples/")),
        (".rs", ("//!",), ("meter_core/",)),
    ],
)
def test_first_lines_say_what_a_file_owns(suffix: str, opening: tuple[str, ...], folders: tuple[str, ...]) -> None:
    silent = []
    for path in SOURCES:
        if path.suffix != suffix or not path.as_posix().startswith(folders):
            continue
        lines = [line for line in text(path).splitlines() if line.strip() and not line.startswith("#")]
        if lines and not lines[0].startswith(opening):
            silent.append(str(path))

    assert silent == []


def test_each_python_module_has_a_twin_test() -> None:
    """Mirrors the tree: python/tokmeter/a/b.py is tested by tests/unit/a/test_b.py, or for a package by a/test_*.py."""
    tests = {path.as_posix() for path in FILES if path.as_posix().startswith("tests/unit/")}
    missing = []
    for path in SOURCES:
        if not path.as_posix().startswith("python/tokmeter/") or path.name in {"__init__.py", "__main__.py"}:
            continue
        module = path.relative_to("python/tokmeter")
        if str(module) in TWINLESS:
            continue
        twins = [f"tests/unit/{module.parent.as_posix()}/test_{module.stem}.py".replace("/./", "/")]
        # A small package may be tested as one noun: a/b/c.py by tests/unit/a/test_b.py.
        twins += [
            f"tests/unit/{folder.parent.as_posix()}/test_{folder.name}.py".replace("/./", "/")
            for folder in module.parents
            if folder.name
        ]
        if not tests.intersection(twins):
            missing.append(str(module))

    assert missing == []


def test_each_rust_module_tests_itself_or_only_names() -> None:
    """A Rust file with logic (a function with a body that branches) ends in its own tests or is driven by tests/."""
    driven = "".join(text(path) for path in SOURCES if path.as_posix().startswith("meter_core/tests/"))
    branches = re.compile(r"^\s+(if|match|for|while|loop)\b", re.MULTILINE)
    missing = []
    for path in SOURCES:
        name = path.as_posix()
        if path.suffix != ".rs" or not name.startswith("meter_core/src/") or name.startswith("meter_core/src/python/"):
            continue
        body = text(path)
        noun = path.parent.name if path.stem == "mod" else path.stem
        in_folder = path.stem != "mod" and f"{path.parent.name}::" in driven
        if branches.search(body) and "#[cfg(test)]" not in body and f"{noun}::" not in driven and not in_folder:
            missing.append(name)

    assert missing == []


def test_no_marks_of_unfinished_work() -> None:
    assert lines_matching(MARKS, [path for path in texts() if path.suffix in SOURCE | {".toml", ".md", ".pyi"}]) == []


def test_no_machine_or_process_words() -> None:
    """The tree speaks of the product: no place on somebody's machine, nothing about how work was organised."""
    assert lines_matching(PLACES, texts()) == []
    assert lines_matching(PROCESS, texts()) == []


def test_locks_name_no_registry() -> None:
    locks = [path for path in FILES if path.as_posix().startswith("requirements/") or path.name == "package-lock.json"]

    assert locks
    assert lines_matching(re.compile(r"://|\bresolved\b"), locks) == []


def test_every_requirement_is_pinned_by_hash() -> None:
    for path in FILES:
        if path.parent.as_posix() != "requirements" or path.suffix != ".txt":
            continue
        entries = re.split(r"\n(?=[a-zA-Z0-9])", re.sub(r"^#.*\n", "", text(path), flags=re.MULTILINE).strip())
        loose = [entry.split("\n")[0] for entry in entries if "==" not in entry or "--hash=sha256:" not in entry]

        assert loose == [], path


def test_the_changelog_is_well_formed() -> None:
    lines = text(Path("CHANGELOG.md")).splitlines()
    versions = [line for line in lines if line.startswith("## ")]
    sections = {line.removeprefix("### ") for line in lines if line.startswith("### ")}

    assert lines[0] == "# Changelog"
    assert versions[0] == "## [Unreleased]"
    assert [line for line in versions[1:] if not re.fullmatch(r"## \[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", line)] == []
    assert sections <= SECTIONS


def test_every_dependency_is_justified() -> None:
    """One line in CONTRIBUTING.md for everything that pyproject.toml and Cargo.toml ask for."""
    project = tomllib.loads(text(Path("pyproject.toml")))["project"]
    asked = [*project["dependencies"], *(name for extra in project["optional-dependencies"].values() for name in extra)]
    crates = tomllib.loads(text(Path("meter_core/Cargo.toml")))
    names = {re.split(r"[^A-Za-z0-9_.-]", requirement)[0] for requirement in asked}
    names |= {*crates["dependencies"], *crates["dev-dependencies"]}
    justified = set(re.findall(r"^\| `([^`]+)` \|", text(Path("CONTRIBUTING.md")), re.MULTILINE))

    assert names - justified == set()
    # The other way round: a line that outlived its dependency misleads.
    assert justified - names == set()


def test_documents_link_to_what_exists() -> None:
    broken = [
        f"{path}: {target}"
        for path in FILES
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text(path))
        if "://" not in target and not (ROOT / path.parent / target).exists()
    ]

    assert broken == []
