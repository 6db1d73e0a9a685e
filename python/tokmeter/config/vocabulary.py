"""Vocabularies that the configuration names, as tokenizers.

Owns telling what is wrong with such a file. Refuses to know its formats. Apart from `core`, because only what meters needs the
files: a report must not fail for the want of one.
"""

from pathlib import Path

from tokmeter._core import Tokenizer
from tokmeter.config.schema import Config
from tokmeter.errors import ConfigError


def tokenizers(config: Config) -> list[tuple[str, Tokenizer]]:
    """Model patterns and the tokenizer of each, in the order in which they are tried; reads each file once.

    Raises `ConfigError` for a file that cannot be used.
    """
    return [
        (model, tokenizer)
        for i, own in enumerate(config.tokenizers)
        for tokenizer in [read_tokenizer(Path(own.file), own.pattern, key=f"key tokenizers[{i}].file")]
        for model in own.models
    ]


def read_tokenizer(path: Path, pattern: str | None, *, key: str | None = None) -> Tokenizer:
    """The tokenizer in `path`; `key` is where the file was named. Raises `ConfigError`."""
    where = f"{path}, {key}" if key else str(path)
    try:
        return Tokenizer.from_file(path, pattern=pattern)
    except FileNotFoundError:
        raise ConfigError("no such tokenizer file", where=where, hint="check the path given") from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        hint = "it must be a file that this user may read"
        raise ConfigError(f"the tokenizer file cannot be read: {reason}", where=where, hint=hint) from None
    except ValueError as error:
        reason = str(error).removeprefix(f"{path}: cannot be used: ")
        what = f"the tokenizer file cannot be used: {reason}"
        raise ConfigError(what, where=where, hint=_hint(reason)) from None


def _hint(reason: str) -> str:
    if "name its pattern" in reason:
        return "llama3 for Llama 3, llama4 for Llama 4"
    return "use a rank file with its pattern, a tekken.json or a tokenizer.json of a BPE model"
