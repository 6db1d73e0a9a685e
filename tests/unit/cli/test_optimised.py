"""Which command lines run without assertions."""

import subprocess
import sys

from tokmeter.cli.optimised import again

PROGRAM = "import sys; print(__debug__, sys.argv[1:], flush=True); from tokmeter.cli import main; main()"


def started(*options: str) -> list[str]:
    command = [sys.executable, *options, "-c", PROGRAM, "proxy", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=50)
    return [line for line in done.stdout.splitlines() if line.endswith("['proxy', '--help']")]


def test_the_proxy_starts_once_more_with_the_same_words() -> None:
    assert started() == ["True ['proxy', '--help']", "False ['proxy', '--help']"]


def test_an_interpreter_that_was_told_is_left_as_it_is() -> None:
    assert started("-O") == ["False ['proxy', '--help']"]
    assert started("-X", "dev") == ["True ['proxy', '--help']"]


def test_other_commands_go_on_as_they_are() -> None:
    assert again(["run", "--", "tokmeter", "proxy"], ["python", "tokmeter"]) is None
    assert again([], ["python", "tokmeter"]) is None
    assert again(["proxy"], ["python", "-m", "tokmeter", "proxy"]) == ["python", "-O", "-m", "tokmeter", "proxy"]
