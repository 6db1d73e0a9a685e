"""The help of every command, as people read it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = [
    "",
    "run",
    "proxy",
    "watch",
    "report",
    "budget",
    "budget list",
    "budget show",
    "count",
    "replay",
    "inject",
    "injector",
    "redirect",
    "doctor",
]


@pytest.mark.golden
@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_what_is_documented(command: str, golden: Callable[[str, str], None]) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "tokmeter", *command.split(), "--help"],
        env={**os.environ, "COLUMNS": "100", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=True,
    )

    golden(f"help/{command.replace(' ', '-') or 'tokmeter'}.txt", shown.stdout)
