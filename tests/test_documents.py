"""What documents show is true: configurations load, commands exist with these options, metrics have these names.

Reads every Markdown file that people are pointed to. Whether a sentence is true is left to people.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from tokmeter.cli.commands import commands
from tokmeter.config.document import parse
from tokmeter.config.load import check
from tokmeter.export.catalog import CATALOG
from tokmeter.inject import parse_injection

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
METRIC = re.compile(r"\btokmeter_[a-z0-9_]+\b")
# Words that begin like a metric and are none.
OTHER_NAMES = {"tokmeter_budget"}


def blocks(language: str, first_line: str = "") -> list[Any]:
    return [
        pytest.param(text, id=f"{path.relative_to(ROOT)}:{number}")
        for path in DOCUMENTS
        for number, (kind, text) in enumerate(BLOCK.findall(path.read_text(encoding="utf-8")), 1)
        if kind == language and text.startswith(first_line)
    ]


def command_lines() -> list[Any]:
    return [
        pytest.param(line.split("#")[0].split(" | ")[0].strip(), id=f"{path.relative_to(ROOT)}: {line.strip()[:60]}")
        for path in DOCUMENTS
        for kind, text in BLOCK.findall(path.read_text(encoding="utf-8"))
        if kind == "sh"
        for line in text.splitlines()
        if line.startswith("tokmeter ")
    ]


@pytest.mark.parametrize("text", blocks("yaml", "# tokmeter.yaml"))
def test_a_shown_configuration_is_accepted(text: str) -> None:
    check(parse(text, "shown"))


@pytest.mark.parametrize("text", blocks("yaml", "# injection.yaml"))
def test_shown_settings_of_the_injector_are_accepted(text: str) -> None:
    parse_injection(text, "shown")


@pytest.mark.parametrize("text", blocks("yaml"))
def test_shown_yaml_is_yaml(text: str) -> None:
    assert isinstance(yaml.safe_load(text), dict)


@pytest.mark.parametrize("line", command_lines())
def test_a_shown_command_takes_these_options(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prompt.txt").touch()
    command: click.Command = commands
    context = click.Context(command, info_name="tokmeter")
    _, *words = shlex.split(line)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    # Parses and checks every value; nothing is run.
    with command.make_context(command.name, words, parent=context):
        pass


def test_named_metrics_exist() -> None:
    suffixes = ("", "_bucket", "_sum", "_count", "_info")
    names = {metric.name + suffix for metric in CATALOG for suffix in suffixes} | OTHER_NAMES
    unknown = {
        (path.name, name)
        for path in DOCUMENTS
        for name in METRIC.findall(path.read_text(encoding="utf-8"))
        if name not in names
    }

    assert unknown == set()


def test_every_document_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md" or not page.exists():
            continue
        reached.add(page)
        targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        waiting += [(page.parent / target).resolve() for target in targets if "://" not in target]

    assert {path for path in DOCUMENTS if (ROOT / "docs") in path.parents} - reached == set()
