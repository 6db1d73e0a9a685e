"""The committed vocabularies in the forms that peers read: rank files, and a tokenizer.json. Downloads nothing."""

import base64
import hashlib
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ENCODINGS = ("o200k_base", "cl100k_base")
URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
"""What tiktoken names its cached files after."""
_UPPER, _LOWER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}", r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
PATTERNS = {
    "o200k_base": (
        rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_CONTRACTIONS}?"
        rf"|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_CONTRACTIONS}?"
        r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "cl100k_base": (
        rf"{_CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}
"""As the tokenizer.json files that people publish for these encodings have them."""


def write(folder: Path) -> None:
    """Write `NAME.tiktoken`, `NAME.json` and tiktoken's cache for each encoding, unless they are there."""
    cache = folder / "tiktoken"
    cache.mkdir(parents=True, exist_ok=True)
    for name in ENCODINGS:
        cached = cache / hashlib.sha1(URL.format(name).encode(), usedforsecurity=False).hexdigest()
        if cached.exists() and (folder / f"{name}.json").exists():
            continue
        sys.path.insert(0, str(ROOT / "scripts"))
        script: Any = import_module("vocabularies")
        frame = (script.DESTINATION / f"{name}.zst").read_bytes()
        packed = import_module("zstandard").ZstdDecompressor().decompress(frame)
        ranks = script.unpack(packed)
        (folder / f"{name}.tiktoken").write_bytes(ranks)
        letters = {byte: letter for letter, byte in script.byte_letters().items()}
        (folder / f"{name}.json").write_text(json.dumps(tokenizer_json(ranks, script.merges_of(packed), letters, name)))
        cached.write_bytes(ranks)


def tokenizer_json(
    ranks: bytes, merges: list[tuple[int, int] | None], letters: dict[int, str], name: str
) -> dict[str, Any]:
    """The same vocabulary as Hugging Face's libraries write it."""
    tokens = {}
    for line in ranks.splitlines():
        token, rank = line.split()
        tokens[int(rank)] = "".join(letters[byte] for byte in base64.b64decode(token))
    split = {"type": "Split", "pattern": {"Regex": PATTERNS[name]}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": None,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": {token: rank for rank, token in sorted(tokens.items())},
            "merges": [f"{tokens[merge[0]]} {tokens[merge[1]]}" for merge in merges if merge is not None],
        },
    }
