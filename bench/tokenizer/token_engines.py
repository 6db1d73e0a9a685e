"""The engines, each behind the one call that counts the tokens of a text. Knows how each is loaded, times nothing.

None of them is imported before it is asked for: a process has one.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

type Count = Callable[[str], int]
type Ids = Callable[[str], Iterable[int]]

OWN = "tokmeter"
REFERENCE = "tiktoken"
RIVALS = ("gigatoken", "fastokens")
"""The fastest peers, which the targets are set against."""
SHARED_ENCODINGS = ("o200k_base", "cl100k_base")
OWN_ENCODINGS = ("tekken", "qwen", "deepseek")


@dataclass(frozen=True)
class Engine:
    """How to get one engine going."""

    package: str
    modules: tuple[str, ...]
    """Imported before its tokenizer is loaded, in a time of its own."""
    load: Callable[[str, Path], tuple[Count, Ids | None]]
    call: str
    """What is timed."""
    heavy: bool = False
    """So slow to load or to count that it is measured in few rounds."""
    encodings: tuple[str, ...] = SHARED_ENCODINGS


def _own(encoding: str, _data: Path) -> tuple[Count, Ids | None]:
    tokenizer = import_module("tokmeter").get_tokenizer(encoding)
    return tokenizer.count, tokenizer.encode


def _tiktoken(encoding: str, _data: Path) -> tuple[Count, Ids | None]:
    encode = import_module("tiktoken").get_encoding(encoding).encode_ordinary
    return lambda text: len(encode(text)), encode


def _gigatoken(encoding: str, data: Path) -> tuple[Count, Ids | None]:
    # Without special tokens, which it would find in any text.
    kind = encoding.removesuffix("_base")
    tokenizer = import_module("gigatoken").Tokenizer
    encode = tokenizer.from_tiktoken(data / f"{encoding}.tiktoken", pretokenizer=kind, special_tokens={}).encode
    return lambda text: len(encode(text)), lambda text: encode(text).tolist()


def _fastokens(encoding: str, data: Path) -> tuple[Count, Ids | None]:
    encode = import_module("fastokens").Tokenizer.from_file(str(data / f"{encoding}.json")).encode_ordinary
    return lambda text: len(encode(text)), lambda text: encode(text).ids


def _tokenizers(encoding: str, data: Path) -> tuple[Count, Ids | None]:
    encode = import_module("tokenizers").Tokenizer.from_file(str(data / f"{encoding}.json")).encode
    return lambda text: len(encode(text)), lambda text: encode(text).ids


def _rs_bpe(encoding: str, _data: Path) -> tuple[Count, Ids | None]:
    tokenizer = getattr(import_module("rs_bpe.bpe").openai, encoding)()
    return tokenizer.count, tokenizer.encode


def _quicktok(encoding: str, _data: Path) -> tuple[Count, Ids | None]:
    tokenizer = import_module("quicktok").get_encoding(encoding)
    return tokenizer.count, tokenizer.encode_ordinary


def _litellm(encoding: str, _data: Path) -> tuple[Count, Ids | None]:
    tokenizer = import_module("litellm.rust_bridge._native").Tokenizer.from_tiktoken(encoding)
    return tokenizer.count, tokenizer.encode


def _litellm_fast(encoding: str, data: Path) -> tuple[Count, Ids | None]:
    count, _ = _litellm(encoding, data)
    fast: Callable[..., int] = count
    return lambda text: fast(text, fast=True), None


def _mistral_common(_encoding: str, _data: Path) -> tuple[Count, Ids | None]:
    module = import_module("mistral_common.tokens.tokenizers.tekken")
    files = Path(import_module("mistral_common").__file__ or "").parent / "data"
    encode = module.Tekkenizer.from_file(files / "tekken_240911.json")._model.encode_ordinary  # noqa: SLF001 - no count
    return lambda text: len(encode(text)), None


ENGINES = {
    OWN: Engine("tokmeter", ("tokmeter._core",), _own, "count", encodings=SHARED_ENCODINGS + OWN_ENCODINGS),
    REFERENCE: Engine("tiktoken", ("tiktoken",), _tiktoken, "len(encode_ordinary)"),
    "gigatoken": Engine("gigatoken", ("gigatoken",), _gigatoken, "len(encode), numpy"),
    "fastokens": Engine("fastokens", ("fastokens",), _fastokens, "len(encode_ordinary)"),
    "rs-bpe": Engine("rs-bpe", ("rs_bpe.bpe",), _rs_bpe, "count"),
    "quicktok": Engine("quicktok-v1", ("quicktok",), _quicktok, "count"),
    "HF tokenizers": Engine("tokenizers", ("tokenizers",), _tokenizers, "len(encode)", heavy=True),
    "LiteLLM": Engine("litellm", ("litellm", "litellm.rust_bridge._native"), _litellm, "count", heavy=True),
    "LiteLLM fast": Engine(
        "litellm", ("litellm", "litellm.rust_bridge._native"), _litellm_fast, "count(fast=True)", heavy=True
    ),
    "mistral-common": Engine(
        "mistral-common",
        ("mistral_common.tokens.tokenizers.tekken",),
        _mistral_common,
        "len(encode)",
        heavy=True,
        encodings=("tekken",),
    ),
}
