"""The table of commands and how any of them ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from tests.unit.cli.conftest import Outcome

from tokmeter.cli import commands
from tokmeter.errors import ConfigError, TokmeterError

HEAVY = ("mitmproxy", "tokmeter._core", "prometheus_client", "cryptography", "yaml")


def imported_by(*arguments: str) -> set[str]:
    """The modules that a command has imported when it ends."""
    program = (
        "import sys\n"
        "from tokmeter.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, timeout=50, input="x"
    )
    return set(done.stderr.split())


def test_help_imports_no_heavy_module() -> None:
    assert imported_by("--help").isdisjoint(HEAVY)


def test_counting_needs_no_proxy() -> None:
    assert imported_by("count").isdisjoint({"mitmproxy", "prometheus_client", "cryptography"})


def test_replaying_a_har_needs_no_proxy() -> None:
    assert "mitmproxy" not in imported_by("replay", "missing.har")


def test_every_command_of_the_table_exists() -> None:
    context = click.Context(commands.commands)
    assert isinstance(commands.commands, commands.Commands)
    for name in commands.SUMMARIES:
        command = commands.commands.get_command(context, name)
        assert command is not None
        assert command.name == name


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Makes every command raise."""

    def raising(error: BaseException) -> None:
        @click.command("doctor")
        def command() -> None:
            raise error

        monkeypatch.setattr(commands.Commands, "get_command", lambda *_: command)

    return raising


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (
            TokmeterError("it broke", where="here:1", hint="mend it"),
            1,
            "error: it broke\n  at: here:1\n  hint: mend it\n",
        ),
        (ConfigError("a typo"), 2, "error: a typo\n"),
        (
            click.UsageError("Both of them."),
            2,
            "error: Both of them\n  hint: `tokmeter doctor --help` explains the options\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_has_its_words_and_its_status(
    failing: Callable[[BaseException], None],
    tokmeter: Callable[..., Outcome],
    error: BaseException,
    status: int,
    shown: str,
) -> None:
    failing(error)

    outcome = tokmeter("doctor")

    assert (outcome.status, outcome.out) == (status, "")
    assert outcome.err.strip() == shown.strip()


def test_a_full_disk_under_the_output_is_an_error() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tokmeter", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=50,
            check=False,
        )

    assert (done.returncode, done.stderr) == (1, "error: no space left on device\n")


def test_an_unknown_command_is_wrong_use(tokmeter: Callable[..., Outcome]) -> None:
    outcome = tokmeter("meter")

    assert outcome.status == 2
    assert outcome.err == "error: there is no command 'meter'\n  hint: `tokmeter --help` lists the commands\n"


def test_a_mistyped_command_is_answered_with_the_nearest(tokmeter: Callable[..., Outcome]) -> None:
    assert "did you mean `tokmeter report`?" in tokmeter("repotr").err


@pytest.mark.parametrize("arguments", [[], ["budget"]])
def test_a_group_alone_shows_its_help_and_no_error(tokmeter: Callable[..., Outcome], arguments: list[str]) -> None:
    outcome = tokmeter(*arguments)

    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("Usage: tokmeter")
    assert outcome.err.rstrip().endswith(".")


@pytest.mark.parametrize("arguments", [["--help"], ["doctor", "--help"], ["doctor"]])
def test_a_reader_that_has_seen_enough_is_no_failure(arguments: list[str]) -> None:
    program = f"import sys; from tokmeter.cli import main; main({arguments})"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(50) == 0
