"""What the tracer tells a person when this machine does not let it work."""

from __future__ import annotations

from typing import ClassVar

from tokmeter.errors import TokmeterError


class TracerError(TokmeterError):
    """The kernel, its privileges or a loader that is needed is missing; nothing was attached."""

    exit_code: ClassVar[int] = 3
