# /// script
# requires-python = ">=3.12"
# dependencies = ["zstandard==0.25.*"]
# ///
"""Re-create the embedded vocabularies from the npm package that publishes OpenAI's rank files.

Owns the packed format that `meter_core/src/tokenizer/packed.rs` reads. Refuses anything whose SHA-256 is not
the one tiktoken itself expects. Run: `uv run scripts/vocabularies.py` (needs `npm` for the download).

A packed vocabulary is one zstd frame of: the number of merges as a little-endian u32; the 256 single bytes in
rank order; then six planes, one byte per merge each: low, middle and high byte of the left token, then of the
right token. Merge `k` makes the token of rank `256 + k`; an unused rank carries 0xFFFFFF on both sides.
"""

import argparse
import base64
import hashlib
import itertools
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import zstandard

PACKAGE = "gpt-tokenizer"
VERSION = "4.0.0"
EXPECTED_SHA256 = {
    "r50k_base": "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    "p50k_base": "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}
BYTES = 256
PAIR = 2
HOLE = 0xFFFFFF
DESTINATION = Path(__file__).resolve().parent.parent / "meter_core" / "data" / "vocab"


class RejectedVocabularyError(Exception):
    """The published file is not the one tiktoken expects, or cannot be expressed as merges."""


def download(folder: Path) -> Path:
    """Fetch the package with npm and return the path of its archive."""
    subprocess.run(
        ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}", "--pack-destination", str(folder)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder / f"{PACKAGE}-{VERSION}.tgz"


def rank_file(archive: Path, name: str) -> bytes:
    """Read one rank file out of the package and check its hash."""
    with tarfile.open(archive) as package:
        member = package.extractfile(f"package/data/{name}.tiktoken")
        if member is None:
            raise RejectedVocabularyError(f"{archive} has no {name}.tiktoken")
        text = member.read()
    verify(name, text)
    return text


def verify(name: str, text: bytes) -> None:
    """Raise unless `text` is the rank file tiktoken expects under `name`."""
    found = hashlib.sha256(text).hexdigest()
    if found != EXPECTED_SHA256[name]:
        raise RejectedVocabularyError(f"{name}: sha256 {found}, tiktoken expects {EXPECTED_SHA256[name]}")


def parse(text: bytes) -> dict[bytes, int]:
    """Token bytes to rank, from a rank file."""
    ranks = {}
    for line in text.splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return ranks


def last_merge(token: bytes, ranks: dict[bytes, int]) -> tuple[int, int]:
    """Return the two tokens whose merge makes `token` when its bytes are merged lowest rank first."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > PAIR:
        candidates = [
            (ranks[left + right], i)
            for i, (left, right) in enumerate(itertools.pairwise(parts))
            if left + right in ranks
        ]
        if not candidates:
            raise RejectedVocabularyError(f"token {ranks[token]} is not reachable by merging")
        _, i = min(candidates)
        parts[i : i + 2] = [parts[i] + parts[i + 1]]
    left, right = ranks[parts[0]], ranks[parts[1]]
    if max(left, right) >= ranks[token]:
        raise RejectedVocabularyError(f"token {ranks[token]} is made of a later token")
    return left, right


def pack(ranks: dict[bytes, int]) -> bytes:
    """Express a vocabulary in the packed format."""
    by_rank = {rank: token for token, rank in ranks.items()}
    singles = [by_rank[rank] for rank in range(BYTES)]
    if any(len(token) != 1 for token in singles):
        raise RejectedVocabularyError("the first 256 ranks are not the single bytes")
    merges = [
        last_merge(by_rank[rank], ranks) if rank in by_rank else (HOLE, HOLE) for rank in range(BYTES, max(by_rank) + 1)
    ]
    planes = [
        bytes(merge[side] >> shift & 0xFF for merge in merges) for side, shift in itertools.product((0, 1), (0, 8, 16))
    ]
    return len(merges).to_bytes(4, "little") + b"".join(singles) + b"".join(planes)


def unpack(packed: bytes) -> bytes:
    """Write a packed vocabulary as tiktoken's rank file again."""
    count = int.from_bytes(packed[:4], "little")
    tokens: list[bytes | None] = [packed[4 + i : 5 + i] for i in range(BYTES)]
    planes = [packed[4 + BYTES + plane * count : 4 + BYTES + (plane + 1) * count] for plane in range(6)]
    for low, middle, high, low2, middle2, high2 in zip(*planes, strict=True):
        left, right = low | middle << 8 | high << 16, low2 | middle2 << 8 | high2 << 16
        tokens.append(None if left == HOLE else (tokens[left] or b"") + (tokens[right] or b""))
    lines = (base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens) if token is not None)
    return b"".join(lines)


def main() -> int:
    """Write every packed vocabulary, or only check those that are committed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="verify the committed files, download nothing")
    parser.add_argument("--archive", type=Path, help="use this package archive instead of downloading it")
    options = parser.parse_args()
    for name in EXPECTED_SHA256:
        destination = DESTINATION / f"{name}.zst"
        if not options.check:
            with tempfile.TemporaryDirectory() as folder:
                archive = options.archive or download(Path(folder))
                packed = pack(parse(rank_file(archive, name)))
            destination.write_bytes(zstandard.ZstdCompressor(level=22).compress(packed))
        frame = destination.read_bytes()
        verify(name, unpack(zstandard.ZstdDecompressor().decompress(frame)))
        sys.stderr.write(f"{destination.name}: {len(frame)} bytes, verified\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
