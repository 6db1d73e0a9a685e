"""Tokenizers from files: each format gives the ids of the library that made it; what cannot be used is said."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
import tiktoken
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from tests.unit import tokenizer_texts
from tests.unit.test_tokenizer_open import DEEPSEEK, LLAMA3, QWEN, TEKKEN, packed, ranks_of, tokenizer_json
from tokmeter import Tokenizer, get_tokenizer

MARK = "\u2581"
# Beside what training finds: tokens that are part of the vocabulary and that no merge makes.
USER_DEFINED = ["\n", "\n\n", "\n\n\n", "<b>", "</b>", "<bx>"]


def rank_file(path: Path, ranks: dict[bytes, int]) -> Path:
    path.write_bytes(b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items()))
    return path


@pytest.fixture(scope="module")
def character_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small vocabulary of Gemma's kind, trained by Hugging Face's library."""
    trained = tokenizers.Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    trained.normalizer = normalizers.Replace(" ", MARK)
    trained.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    trained.decoder = decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()])
    single = ["<unk>", *(f"<0x{byte:02X}>" for byte in range(256)), *USER_DEFINED]
    trainer = trainers.BpeTrainer(vocab_size=1500, special_tokens=single, max_token_length=12, show_progress=False)
    # Words, so that training finds merges inside and across them.
    corpus = [word for sample in tokenizer_texts.SAMPLES.values() for word in sample.replace("\n", " ").split(" ")]
    trained.train_from_iterator([f" {word}" for word in corpus] * 3 + [" and he", ">▁<"], trainer)
    content: dict[str, Any] = json.loads(trained.to_str())
    content["added_tokens"] = [
        {**token, "special": token["content"] == "<unk>"}
        for token in content["added_tokens"]
        if token["content"] in (*USER_DEFINED, "<unk>")
    ]
    path = tmp_path_factory.mktemp("characters") / "tokenizer.json"
    path.write_text(json.dumps(content))
    return path


def test_characters(character_file: Path) -> None:
    """A vocabulary over characters: spaces, unknown characters, and tokens that come before merging."""
    content = json.loads(character_file.read_text())
    content["added_tokens"] = [token for token in content["added_tokens"] if not token["special"]]
    oracle = tokenizers.Tokenizer.from_str(json.dumps(content))
    ours = Tokenizer.from_file(character_file)
    texts = [*tokenizer_texts.ordinary(), *tokenizer_texts.hostile("characters"), *tokenizer_texts.code_points("x")]
    texts += ["".join(text) for text in zip(*(["<b>", "x</b>", "\n\n", "</", "b>", "<b"],) * 2, strict=True)]
    texts += tokenizer_texts.long_pieces("characters", 1000)
    for text in texts:
        expected = oracle.encode(text, add_special_tokens=False).ids
        assert ours.encode(text) == expected, ascii(text[:200])
        assert ours.count(text) == len(expected)
    assert ours.name == "tokenizer.json"
    assert ours.decode(ours.encode("a b\ncé 中")) == "a b\ncé 中".encode()
    assert ours.encode("<unk>", allow_special=True) == [0]
    assert ours.count("<unk>") > 1


@pytest.mark.parametrize(("name", "expressions"), [("tekken", (TEKKEN,)), ("deepseek", DEEPSEEK)])
def test_byte_level(tmp_path: Path, name: str, expressions: tuple[str, ...]) -> None:
    """A tokenizer.json over bytes gives the ids of the embedded vocabulary it was written from."""
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(tokenizer_json(name, expressions)))
    ours, embedded = Tokenizer.from_file(path), get_tokenizer(name)
    for text in tokenizer_texts.ordinary() + tokenizer_texts.hostile("file", 2000):
        assert ours.encode(text) == embedded.encode(text)


def test_composition_in_a_file(tmp_path: Path) -> None:
    """The normalizer of a tokenizer.json is done."""
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(tokenizer_json("qwen", (QWEN,), normalizer={"type": "NFC"})))

    assert Tokenizer.from_file(path).encode("e\u0301") == get_tokenizer("qwen").encode("é")


def test_a_list_that_no_ranks_imply(tmp_path: Path) -> None:
    """Merges in another order than ids, with two ways to a token, as the library applies them."""
    letters = pre_tokenizers.ByteLevel.alphabet()
    vocab = {letter: id_ for id_, letter in enumerate(sorted(letters))}
    merges = [("b", "c"), ("a", "bc"), ("c", "a"), ("ab", "c"), ("a", "b"), ("abc", "abc"), ("Ġ", "a")]
    for token in ("Ġa", "abc", "ab", "bc", "ca", "abcabc", "xyz"):
        vocab[token] = len(vocab)
    oracle = tokenizers.Tokenizer(models.BPE(vocab=vocab, merges=merges))
    oracle.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    path = tmp_path / "tokenizer.json"
    for ignore_merges in (False, True):
        content = json.loads(oracle.to_str())
        content["model"]["ignore_merges"] = ignore_merges
        path.write_text(json.dumps(content))
        reference = tokenizers.Tokenizer.from_str(path.read_text())
        ours = Tokenizer.from_file(path)
        for text in ("abc", "xyz xyz", "abcabcabc ab", "cabcab" * 60, " a b c", "bcabca", "é"):
            assert ours.encode(text) == reference.encode(text).ids, (text, ignore_merges)


@pytest.mark.parametrize(
    ("name", "pattern", "expression"),
    [("qwen", "llama3", LLAMA3), ("tekken", "tekken", TEKKEN), ("qwen", "qwen", QWEN)],
)
def test_rank_files(tmp_path: Path, name: str, pattern: str, expression: str) -> None:
    """A rank file with a pattern is what tiktoken makes of both."""
    ranks = ranks_of(name)
    oracle = tiktoken.Encoding(name, pat_str=expression, mergeable_ranks=ranks, special_tokens={})
    ours = Tokenizer.from_file(rank_file(tmp_path / "tokenizer.model", ranks), pattern=pattern)
    for text in tokenizer_texts.ordinary() + tokenizer_texts.hostile("ranks", 2000):
        assert ours.encode(text) == oracle.encode_ordinary(text), ascii(text)


def test_a_tekken_file(tmp_path: Path) -> None:
    """Ranks beyond those a model uses are not its tokens."""
    ranks = ranks_of("tekken")
    used = 20_000
    vocab = [
        {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
        for token, rank in ranks.items()
    ]
    config = {"pattern": TEKKEN, "default_vocab_size": used + 1000, "default_num_special_tokens": 1000, "version": "v3"}
    special = [{"rank": 3, "token_str": "[INST]", "is_control": True}]
    path = tmp_path / "tekken.json"
    path.write_text(json.dumps({"config": config, "vocab": vocab, "special_tokens": special}))
    few = {token: rank for token, rank in ranks.items() if rank < used}
    oracle = tiktoken.Encoding("few", pat_str=TEKKEN, mergeable_ranks=few, special_tokens={})
    ours = Tokenizer.from_file(path)
    for text in tokenizer_texts.SAMPLES.values():
        assert ours.encode(text) == [1000 + id_ for id_ in oracle.encode_ordinary(text)]
    assert ours.encode("[INST]", allow_special=True) == [3]


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    """The message names the file, what is wrong, and what to do."""
    path = rank_file(tmp_path / "x.tiktoken", {bytes([byte]): byte for byte in range(256)})
    with pytest.raises(ValueError, match=r"x\.tiktoken: .*name its pattern, one of .*llama3"):
        Tokenizer.from_file(path)
    with pytest.raises(ValueError, match='no pattern is called "llama"; there are r50k'):
        Tokenizer.from_file(path, pattern="llama")
    with path.open("ab") as file:
        file.write(b"YWI= many\n")
    with pytest.raises(ValueError, match="line 257"):
        Tokenizer.from_file(str(path), pattern="llama3")
    path.write_bytes(b"\n\x0e\n\x05<unk>\x15\x00\x00")
    with pytest.raises(ValueError, match=r"SentencePiece.*tokenizer\.json"):
        Tokenizer.from_file(path)
    path.write_text(json.dumps(tokenizer_json("deepseek", DEEPSEEK[:2])))
    with pytest.raises(ValueError, match="`pre_tokenizer` is not supported"):
        Tokenizer.from_file(path)
    with pytest.raises(OSError, match="missing"):
        Tokenizer.from_file(tmp_path / "missing")


def test_packed_files_are_small() -> None:
    """All vocabularies together stay far below what a wheel should carry."""
    folder = Path(__file__).resolve().parents[2] / "meter_core" / "data" / "vocab"

    assert sum(file.stat().st_size for file in folder.glob("*.zst")) < 4 << 20
    assert len(packed("qwen")) > 500_000
