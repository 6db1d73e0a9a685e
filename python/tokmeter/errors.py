"""What tokmeter tells a person who can do something about it.

Owns the error types that end a command. Refuses to know who prints them: wire content never becomes one of these.
"""

from typing import ClassVar


class TokmeterError(Exception):
    """Something that the person running tokmeter can put right.

    `what` is one sentence without a full stop, `where` the file, line, key or address, `hint` what to do now.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        """Keeps the three parts apart, for the command line to lay out."""
        super().__init__(what, where, hint)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """All parts on one line, for logs and tracebacks."""
        where = f" at {self.where}" if self.where else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.what}{where}{hint}"

    def lines(self) -> list[str]:
        """The message as the command line prints it: ``error:``, then ``at:`` and ``hint:`` where known."""
        lines = [f"error: {self.what}"]
        if self.where:
            lines.append(f"  at: {self.where}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return lines


class ConfigError(TokmeterError):
    """The configuration cannot be used; nothing was started."""

    exit_code: ClassVar[int] = 2


class StoreError(TokmeterError):
    """A ledger cannot be opened or read."""
