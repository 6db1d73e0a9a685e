"""`tokmeter watch` as a tracer: what it says where it cannot work. What it sees is in tests/privileged."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TOKMETER = (sys.executable, "-m", "tokmeter", "watch")


def said(*options: str, tmp: Path) -> tuple[int, str]:
    """Status and stderr."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp), "XDG_STATE_HOME": str(tmp)}
    done = subprocess.run([*TOKMETER, *options], env=environ, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "give one of --from URL, --ledger FILE and the processes"),
        (("--all", "--pid", "1"), "--all and a selection exclude each other"),
        (("--pid", "1", "--from", "127.0.0.1:1"), "give one of"),
        (("--from", "127.0.0.1:1", "--loader", "bcc"), "are for the processes to trace"),
        (("--all", "--plain", "--json"), "exclude each other"),
        (("--all", "--loader", "dtrace"), "dtrace"),
    ],
)
def test_wrong_use_is_explained(options: tuple[str, ...], words: str, tmp_path: Path) -> None:
    status, stderr = said(*options, tmp=tmp_path)

    assert status == 2
    assert words in stderr


def test_a_process_that_is_not_there_is_named(tmp_path: Path) -> None:
    status, stderr = said("--pid", "4194999", tmp=tmp_path)

    assert status == 1
    assert "there is no process 4194999" in stderr
    assert "ps -e" in stderr


def test_a_group_that_is_not_there_is_named(tmp_path: Path) -> None:
    status, stderr = said("--cgroup", "/no/such/group", tmp=tmp_path)

    assert status == 1
    assert "there is no control group /no/such/group" in stderr


def test_without_root_it_says_so_and_ends_with_three(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        # The interpreter may be in a folder of root's: it is asked what it would say.
        script = (
            "import os; os.geteuid = lambda: 65534\n"
            "from tokmeter.cli.commands import main; main(['watch', '--pid', str(os.getpid())])"
        )
        command = [sys.executable, "-c", script]
    else:
        command = [*TOKMETER, "--pid", str(os.getpid())]
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)

    assert done.returncode == 3
    assert "the tracer needs root" in done.stderr
    assert "hint: run it with sudo" in done.stderr
