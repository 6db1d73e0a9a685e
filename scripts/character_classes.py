# /// script
# requires-python = ">=3.12"
# dependencies = ["tiktoken==0.14.*"]
# ///
"""Generate `meter_core/src/tokenizer/class_table.rs`, the character classes of the pre-tokenizers.

The classes are asked of tiktoken itself, so that both follow the same Unicode version: an encoding drops
the text its pattern does not match, hence an encoding whose pattern is one class and whose ranks are the 256
bytes prints that class. Run: `uv run scripts/character_classes.py` after a tiktoken release, then the
equality tests.
"""

import sys
from pathlib import Path

import tiktoken

CODE_POINTS = 0x110000
SURROGATES = range(0xD800, 0xE000)
BLOCK = 128
# Bits of `class.rs`, in its order; whatever no pattern claims is OTHER.
OTHER = 1
PATTERNS = {
    2: r"[\p{Lu}\p{Lt}]",
    4: r"\p{Ll}",
    8: r"[\p{Lm}\p{Lo}]",
    16: r"\p{M}",
    32: r"\p{N}",
    64: r"[^\S\r\n]",
    128: r"[\r\n]",
}
# What tiktoken 0.14 (Unicode 16.0) has in each class.
EXPECTED_SIZES = {2: 1858 + 31, 4: 2258, 8: 404 + 136_477, 16: 2501, 32: 1911, 64: 23, 128: 2}
DESTINATION = Path(__file__).resolve().parent.parent / "meter_core" / "src" / "tokenizer" / "class_table.rs"
HEADER = """\
//! Classes of code points in Unicode 16, from tiktoken {version} by `scripts/character_classes.py`.
//!
//! Owns data only. The class of `c` is `BLOCKS[INDEX[c / {block}]][c % {block}]`: a bit of `class.rs`.

"""


def members(pattern: str, text: str) -> list[int]:
    """Return the code points of `text` that tiktoken's regular expressions put into `pattern`."""
    encoding = tiktoken.Encoding(
        "class",
        pat_str=pattern,
        mergeable_ranks={bytes([byte]): byte for byte in range(256)},
        special_tokens={},
    )
    return [ord(char) for char in bytes(encoding.encode_ordinary(text)).decode()]


def rows(values: bytes, indent: str) -> str:
    """Format bytes as lines of an array literal."""
    lines = (", ".join(map(str, values[start : start + 24])) for start in range(0, len(values), 24))
    return "".join(f"{indent}{line},\n" for line in lines)


def main() -> int:
    """Write the table, or fail if a class is not of the expected size."""
    text = "".join(chr(point) for point in range(CODE_POINTS) if point not in SURROGATES)
    classes = bytearray([OTHER]) * CODE_POINTS
    for bit, pattern in PATTERNS.items():
        points = members(pattern, text)
        if len(points) != EXPECTED_SIZES[bit]:
            sys.stderr.write(f"{pattern} has {len(points)} members, expected {EXPECTED_SIZES[bit]}\n")
            return 1
        for point in points:
            classes[point] = bit
    blocks: dict[bytes, int] = {}
    index = bytes(
        blocks.setdefault(bytes(classes[start : start + BLOCK]), len(blocks)) for start in range(0, CODE_POINTS, BLOCK)
    )
    body = HEADER.format(version=tiktoken.__version__, block=BLOCK)
    body += f"#[rustfmt::skip]\npub(super) static INDEX: [u8; {len(index)}] = [\n{rows(index, '    ')}];\n\n"
    body += f"#[rustfmt::skip]\npub(super) static BLOCKS: [[u8; {BLOCK}]; {len(blocks)}] = [\n"
    body += "".join(f"    [\n{rows(block, '        ')}    ],\n" for block in blocks) + "];\n"
    DESTINATION.write_text(body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
