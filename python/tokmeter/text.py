"""Plain text tables and money for people. Knows no command and no terminal."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

NANO = 10**9


def usd(nano_usd: int | None, *, places: int = 6) -> str:
    """Dollars with so many decimal places, rounded half up; a dash when unknown."""
    if nano_usd is None:
        return "-"
    step = 10 ** (9 - places)
    rounded = (abs(nano_usd) + step // 2) // step
    whole, fraction = divmod(rounded, 10**places)
    return f"{'-' if nano_usd < 0 else ''}${whole:,}.{fraction:0{places}d}"


def exact_usd(nano_usd: int | None) -> str | None:
    """The decimal string of the JSON contract: exact, without trailing zeros."""
    if nano_usd is None:
        return None
    whole, fraction = divmod(abs(nano_usd), NANO)
    digits = f"{fraction:09d}".rstrip("0")
    return f"{'-' if nano_usd < 0 else ''}{whole}" + (f".{digits}" if digits else "")


def number(value: int | None) -> str:
    """A count with thousands separators; a dash when unknown."""
    return "-" if value is None else f"{value:,}"


def octets(count: int) -> str:
    """Bytes in the largest unit of which there is one: ``340 B``, ``1.2 kB``, ``120 kB``."""
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            whole, tenths = count // size, count * 10 // size % 10
            return f"{whole}.{tenths} {unit}" if whole < 10 else f"{whole:,} {unit}"
    return f"{count} B"


def lay_out(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Lines of a table; the first `left` columns are aligned left, the others right."""
    columns = list(zip_longest(header, *rows, fillvalue=""))
    widths = [max(map(len, column)) for column in columns]
    aligned = [str.ljust] * left + [str.rjust] * (len(columns) - left)
    return [
        "  ".join(align(cell, width) for align, cell, width in zip(aligned, row, widths, strict=False)).rstrip()
        for row in (header, *rows)
    ]
