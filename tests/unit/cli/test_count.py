"""`tokmeter count`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.unit.cli.conftest import Outcome

from tokmeter import get_tokenizer

TEXT = "Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich. <|endoftext|>"


def test_the_number_is_the_tokenizer_s(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text(TEXT)

    assert tokmeter("count", file).out == f"{get_tokenizer('o200k_base').count(TEXT)}\n"
    assert tokmeter("count", "--model", "gpt-4", file).out == f"{get_tokenizer('cl100k_base').count(TEXT)}\n"
    assert tokmeter("count", "--encoding", "r50k_base", file).out == f"{get_tokenizer('r50k_base').count(TEXT)}\n"


def test_the_object_says_which_vocabulary_counted(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_bytes(b"hello \xff")

    found = json.loads(tokmeter("count", "--json", "--model", "gpt-4o", file).out)

    assert found["encoding"] == "o200k_base"
    assert found["bytes"] == 7
    assert found["tokens"] >= 2


def test_an_unknown_model_is_an_error_that_says_what_exists(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    outcome = tokmeter("count", "--model", "claude-sonnet-4-5", tmp_path)

    assert outcome.status != 0
    (tmp_path / "text").write_text("x")
    outcome = tokmeter("count", "--model", "claude-sonnet-4-5", tmp_path / "text")
    assert outcome.status == 1
    assert "o200k_base" in outcome.err


def test_a_model_and_an_encoding_exclude_each_other(tokmeter: Callable[..., Outcome]) -> None:
    assert tokmeter("count", "--model", "gpt-4o", "--encoding", "o200k_base").status == 2


def test_a_missing_file_is_wrong_use(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    assert tokmeter("count", tmp_path / "missing").status == 2
