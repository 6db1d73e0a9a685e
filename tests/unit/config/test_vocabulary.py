"""Vocabularies that the configuration names."""

from base64 import b64encode
from pathlib import Path
from typing import get_args

import pytest

from tokmeter.config import Config, TokenizerConfig, read_tokenizer, tokenizers
from tokmeter.config.document import parse
from tokmeter.config.load import check
from tokmeter.config.schema import TokenizerConfig as Schema
from tokmeter.errors import ConfigError

RANKS = b"".join(b"%s %d\n" % (b64encode(bytes([byte])), byte) for byte in range(256))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(RANKS)
    return path


def loaded(text: str) -> Config:
    return check(parse(text, "f"))


def test_each_model_has_the_tokenizer_of_its_line_in_order(file: Path) -> None:
    config = loaded(
        f"tokenizers:\n"
        f"  - {{models: ['llama-3*', 'meta-llama/*'], file: {file}, pattern: llama3}}\n"
        f"  - {{models: ['*'], file: {file}, pattern: o200k}}\n"
    )

    (first, one), (second, same), (third, other) = tokenizers(config)

    assert (first, second, third) == ("llama-3*", "meta-llama/*", "*")
    assert one is same
    assert one is not other
    assert one.count("four") == 4


def test_the_patterns_of_the_schema_are_those_of_the_core(file: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        read_tokenizer(file, "none of them")
    literal, _none = get_args(Schema.__annotations__["pattern"].__origin__)

    assert refused.value.what.rpartition("there are ")[2].split(", ") == list(get_args(literal))


def test_a_file_that_is_not_there_is_told_when_something_meters(tmp_path: Path) -> None:
    config = loaded(f"tokenizers: [{{models: [a], file: {tmp_path / 'missing'}}}]")

    with pytest.raises(ConfigError, match="no such tokenizer file") as refused:
        tokenizers(config)

    assert refused.value.where == f"{tmp_path / 'missing'}, key tokenizers[0].file"
    assert refused.value.hint
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("content", "pattern", "what", "hint"),
    [
        (RANKS, None, "name its pattern", "llama3 for Llama 3"),
        (b"\x0a\x0e<unk>", None, "neither a rank file", "a rank file with its pattern"),
        (b"{}", None, "neither `model` nor `config`", "tokenizer.json"),
        (RANKS[:21], "llama3", "ranks cannot be used", "rank file"),
    ],
)
def test_a_wrong_file_is_told(tmp_path: Path, content: bytes, pattern: str | None, what: str, hint: str) -> None:
    path = tmp_path / "own"
    path.write_bytes(content)

    with pytest.raises(ConfigError) as refused:
        read_tokenizer(path, pattern)

    assert what in refused.value.what
    assert str(path) not in refused.value.what
    assert refused.value.where == str(path)
    assert hint in (refused.value.hint or "")


def test_a_directory_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        tokenizers(Config(tokenizers=(TokenizerConfig(models=("a",), file=str(tmp_path)),)))
