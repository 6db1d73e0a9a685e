"""Starts the interpreter again without assertions, for the command that carries everybody's traffic.

mitmproxy checks types and states of its own by assertion on every message, a sixth of what a request costs. What a
client or provider sends is never judged by one. Knows command lines; nothing of what runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

CARRIES_TRAFFIC = "proxy"


def again(command: Sequence[str], interpreter: Sequence[str]) -> list[str] | None:
    """The command line to run in place of `interpreter`, for the words after `tokmeter`; None to go on as we are."""
    if not interpreter or list(command[:1]) != [CARRIES_TRAFFIC]:
        return None
    return [interpreter[0], "-O", *interpreter[1:]]


def without_assertions() -> None:
    """Replace this process by itself under ``-O``, unless it runs so already or in Python's development mode."""
    if not __debug__ or sys.flags.dev_mode or not sys.executable:
        return
    line = again(sys.argv[1:], sys.orig_argv)
    if line is not None:
        os.execv(sys.executable, line)  # noqa: S606 - itself
