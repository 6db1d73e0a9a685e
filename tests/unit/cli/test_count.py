"""`tokmeter count`."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
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


def test_a_vocabulary_file_counts_in_the_place_of_an_embedded_one(
    tokmeter: Callable[..., Outcome], tmp_path: Path
) -> None:
    ranks, file = tmp_path / "own.model", tmp_path / "text"
    ranks.write_bytes(b"".join(b"%s %d\n" % (b64encode(bytes([byte])), byte) for byte in range(256)))
    file.write_text("four")

    assert tokmeter("count", "--tokenizer", ranks, "--pattern", "llama3", file).out == "4\n"
    asked = tokmeter("count", "--json", "--tokenizer", ranks, "--pattern", "llama3", file)
    assert json.loads(asked.out) == {"tokens": 4, "bytes": 4, "encoding": "own.model"}
    unsaid = tokmeter("count", "--tokenizer", ranks, file)
    assert (unsaid.status, "name its pattern" in unsaid.err) == (2, True)
    missing = tokmeter("count", "--tokenizer", tmp_path / "missing", file)
    assert (missing.status, "no such tokenizer file" in missing.err) == (2, True)


def test_the_prompt_of_a_request_is_counted_with_its_framing(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text(json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hello there"}]}))

    # Two of text, three and one around the message, three before the reply.
    found = tokmeter("count", "--request", file)
    assert (found.out, found.err) == ("9\n", "exact\n")
    found = tokmeter("count", "--request", "--path", "/v1/messages", file)
    assert "estimate" in found.err
    file.write_text(json.dumps({"model": "command-a", "messages": [{"role": "user", "content": "hello there"}]}))
    found = tokmeter("count", "--request", "--path", "/v2/chat", "--dialect", "cohere", "--json", file)
    assert not json.loads(found.out)["exact"]


def test_what_is_no_request_is_an_error(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    file = tmp_path / "text"
    file.write_text(TEXT)

    outcome = tokmeter("count", "--request", file)

    assert outcome.status == 1
    assert "not a request to a model" in outcome.err
    assert TEXT not in outcome.err


@pytest.mark.parametrize(
    "wrong",
    [
        ("--pattern", "llama3"),
        ("--path", "/v1/messages"),
        ("--dialect", "openai"),
        ("--request", "--model", "gpt-4o"),
        ("--request", "--dialect", "nobody"),
        ("--tokenizer", "x", "--encoding", "o200k_base"),
    ],
)
def test_options_that_mean_nothing_together_are_wrong_use(
    tokmeter: Callable[..., Outcome], tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    (tmp_path / "text").write_text("x")

    assert tokmeter("count", *wrong, tmp_path / "text").status == 2
