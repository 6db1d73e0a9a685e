"""What the tracer tells a person when this machine does not let it work."""

from __future__ import annotations

from typing import ClassVar, Final

from tokmeter.errors import TokmeterError

PRIVILEGES: Final = (
    "run it as root, with CAP_SYS_ADMIN, CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH if its capabilities are bounded"
)
"""What was found to be enough: kernels ask for more than CAP_BPF and CAP_PERFMON to attach to functions."""


class TracerError(TokmeterError):
    """The kernel, its privileges or a loader that is needed is missing; nothing was attached."""

    exit_code: ClassVar[int] = 3
