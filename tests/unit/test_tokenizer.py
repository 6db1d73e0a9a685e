"""The tokenizers of OpenAI's encodings give tiktoken's ids on every code point and on hostile and ordinary text."""

import hashlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import tiktoken
import zstandard

from tests.unit import tokenizer_texts
from tokmeter import Tokenizer, get_tokenizer

ROOT = Path(__file__).resolve().parents[2]
ENCODINGS = ("r50k_base", "p50k_base", "p50k_edit", "cl100k_base", "o200k_base", "o200k_harmony")
RANK_FILES = ("r50k_base", "p50k_base", "cl100k_base", "o200k_base")
URL = "https://openaipublic.blob.core.windows.net/encodings/{}.tiktoken"
# Once per pattern and vocabulary: the other encodings differ from these in special tokens only.
DISTINCT = RANK_FILES
RUNS = ("a", "é", " ", "-", "=", "\n", "\t", "中", "😀", "7", "ab", "aA", "-=", "中A", "'s", "\r\n", " \n")
RUN_BYTES = 1_000_000


def _script() -> ModuleType:
    """Import `scripts/vocabularies.py`, which knows the packed format."""
    spec = importlib.util.spec_from_file_location("vocabularies", ROOT / "scripts" / "vocabularies.py")
    if spec is None or spec.loader is None:
        pytest.fail("scripts/vocabularies.py cannot be imported")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


@pytest.fixture(scope="session", autouse=True)
def oracle_vocabularies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Give tiktoken its rank files from the packed ones: it checks their hashes; nothing is downloaded."""
    folder = tmp_path_factory.mktemp("tiktoken")
    script = _script()
    for name in RANK_FILES:
        frame = (ROOT / "meter_core" / "data" / "vocab" / f"{name}.zst").read_bytes()
        text = script.unpack(zstandard.ZstdDecompressor().decompress(frame))
        (folder / hashlib.sha1(URL.format(name).encode(), usedforsecurity=False).hexdigest()).write_bytes(text)
    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    yield
    if before is None:
        del os.environ["TIKTOKEN_CACHE_DIR"]
    else:
        os.environ["TIKTOKEN_CACHE_DIR"] = before


def assert_equal(name: str, texts: list[str]) -> None:
    """Compare ids and counts of each text with tiktoken's, naming the first that differs."""
    oracle = tiktoken.get_encoding(name)
    tokenizer = get_tokenizer(name)
    counts = tokenizer.count_batch(texts)
    for text, count in zip(texts, counts, strict=True):
        expected = oracle.encode_ordinary(text)
        assert tokenizer.encode(text) == expected, f"{name}: {text[:200]!r}"
        assert count == len(expected), f"{name}: {text[:200]!r}"


@pytest.mark.parametrize("name", DISTINCT)
@pytest.mark.parametrize("context", tokenizer_texts.CONTEXTS)
def test_every_code_point(name: str, context: str) -> None:
    """Each code point is classified and merged as tiktoken does, between letters, spaces and quotes."""
    assert_equal(name, list(tokenizer_texts.every_code_point(context)))


@pytest.mark.parametrize("name", DISTINCT)
def test_hostile_strings(name: str) -> None:
    """Random strings over an alphabet chosen to confuse pre-tokenizers."""
    assert_equal(name, tokenizer_texts.hostile(f"tokenizer {name}"))


@pytest.mark.parametrize("name", DISTINCT)
def test_runs(name: str) -> None:
    """Runs of the same character: pieces of zeros, and of what pads or follows a shorter piece."""
    assert_equal(name, list(tokenizer_texts.runs(f"runs {name}")))


def test_answers_that_tiktoken_publishes() -> None:
    """The answers and the properties that tiktoken's own public tests hold."""
    for name, text, ids in (
        ("r50k_base", "hello world", [31373, 995]),
        ("cl100k_base", "hello world", [15339, 1917]),
        ("cl100k_base", "rer", [38149]),
        ("cl100k_base", "'rer", [2351, 81]),
        ("cl100k_base", "today\n ", [31213, 198, 220]),
        ("cl100k_base", "today\n \n", [31213, 27907]),
        ("cl100k_base", "today\n  \n", [31213, 14211]),
        ("cl100k_base", " \x850", [220, 126, 227, 15]),
        ("cl100k_base", "👍", [9468, 239, 235]),
        ("cl100k_base", "\ud83d\udc4d", [9468, 239, 235]),
    ):
        assert get_tokenizer(name).encode(text) == ids, text
        assert get_tokenizer(name).count(text) == len(ids), text
    for name in DISTINCT:
        assert get_tokenizer(name).encode("\ud83d") == get_tokenizer(name).encode("�")
        for text in ("^", "0", "a", "'s", " ", "\n"):
            assert_equal(name, [text * 10_000, f" {text * 10_000}", f"{text * 10_000}\n"])
        for text in ("hello ", " hello", " hello ", "请考试我的软件！12345"):
            assert get_tokenizer(name).decode(get_tokenizer(name).encode(text)).decode() == text


@pytest.mark.parametrize("name", DISTINCT)
def test_random_code_points(name: str) -> None:
    """Random strings over all of Unicode, and over single blocks of it."""
    assert_equal(name, list(tokenizer_texts.code_points(f"unicode {name}")))


@pytest.mark.parametrize("name", ENCODINGS)
def test_ordinary_text(name: str) -> None:
    """Prose, code, JSON and several scripts, alone, cut at every place, and all together."""
    assert_equal(name, tokenizer_texts.ordinary())


@pytest.mark.parametrize("name", DISTINCT)
@pytest.mark.parametrize("length", [63, 64, 65, 127, 128, 129, 1000, 5000])
def test_long_pieces(name: str, length: int) -> None:
    """Pieces around and beyond the length at which the merging algorithm changes."""
    assert_equal(name, tokenizer_texts.long_pieces(name, length))


@pytest.mark.parametrize("name", DISTINCT)
def test_long_runs(name: str) -> None:
    """A megabyte without a break is counted as tiktoken counts it."""
    oracle = tiktoken.get_encoding(name)
    tokenizer = get_tokenizer(name)
    for unit in RUNS:
        # tiktoken's regular expression engine gives up on a megabyte of white space.
        length = RUN_BYTES // 2 if unit.isspace() else RUN_BYTES
        text = unit * (length // len(unit.encode()))

        assert tokenizer.count(text) == len(oracle.encode_ordinary(text)), f"{name}: {unit!r}"


@pytest.mark.parametrize("name", DISTINCT)
def test_a_large_batch_counts_as_its_texts_do(name: str) -> None:
    """What threads share, long texts among it, counts as it does alone."""
    tokenizer = get_tokenizer(name)
    together = "\n".join(tokenizer_texts.ordinary())
    lines = together.splitlines(keepends=True)
    texts: list[str | bytes] = [together * 8, "", *lines, "a" * 200_000, together.encode() * 3, *lines[:7]]

    assert tokenizer.count_batch(texts * 2) == [tokenizer.count(text) for text in texts] * 2


@pytest.mark.parametrize("space", [" ", "\n", "\t"])
def test_runs_that_tiktoken_cannot_count(space: str) -> None:
    """A megabyte of white space, on which tiktoken's regular expression engine gives up."""
    tokenizer = get_tokenizer("o200k_base")
    tokens = tokenizer.encode(space * RUN_BYTES)

    assert tokenizer.decode(tokens) == space.encode() * RUN_BYTES
    assert len(tokens) == tokenizer.count(space * RUN_BYTES)


@pytest.mark.parametrize("name", ENCODINGS)
def test_special_tokens(name: str) -> None:
    """Special text is ordinary by default, and the same special tokens as tiktoken's where allowed."""
    oracle = tiktoken.get_encoding(name)
    tokenizer = get_tokenizer(name)
    for special in oracle.special_tokens_set:
        text = f"a \n{special}{special}\n b <|{special}"
        expected = oracle.encode(text, allowed_special="all")

        assert tokenizer.encode(text, allow_special=True) == expected
        assert tokenizer.count(text, allow_special=True) == len(expected)
        assert tokenizer.encode(text) == oracle.encode_ordinary(text)
        assert tokenizer.decode(expected) == oracle.decode_bytes(expected)


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_token_decodes(name: str) -> None:
    """Every id below the highest decodes to tiktoken's bytes, or is unknown to both."""
    oracle = tiktoken.get_encoding(name)
    tokenizer = get_tokenizer(name)
    known = {id_: {token} for token, id_ in oracle._mergeable_ranks.items()}
    for text, id_ in oracle._special_tokens.items():
        # Harmony gives one id two names, and tiktoken either of them back.
        known.setdefault(id_, set()).add(text.encode())
    for id_ in range(oracle.max_token_value + 2):
        if id_ in known:
            assert tokenizer.decode([id_]) in known[id_]
        else:
            with pytest.raises(KeyError, match=str(id_)):
                tokenizer.decode([id_])


def test_models_have_the_encoding_of_tiktoken() -> None:
    """Every model tiktoken knows finds the same encoding here."""
    from tiktoken.model import MODEL_PREFIX_TO_ENCODING, MODEL_TO_ENCODING

    prefixed = {f"{prefix}x": encoding for prefix, encoding in MODEL_PREFIX_TO_ENCODING.items()}
    # A fine-tune is named after a whole base model: a prefix that ends inside a name is not one.
    fine_tunes = {prefix: prefixed.pop(f"{prefix}x") for prefix in MODEL_PREFIX_TO_ENCODING if prefix.startswith("ft:")}
    tuned = {f"{prefix}:acme::1": encoding for prefix, encoding in fine_tunes.items()}
    for model, encoding in {**MODEL_TO_ENCODING, **prefixed, **tuned}.items():
        assert get_tokenizer(model).name == encoding.replace("gpt2", "r50k_base"), model


def test_an_unknown_name_says_what_is_known() -> None:
    """The error names the encodings."""
    with pytest.raises(KeyError, match="o200k_base"):
        get_tokenizer("claude-opus-4")


def test_bytes_and_surrogates() -> None:
    """Bytes count as their text, broken bytes as U+FFFD, surrogates as tiktoken reads them."""
    tokenizer = get_tokenizer("o200k_base")
    oracle = tiktoken.get_encoding("o200k_base")

    assert tokenizer.encode("héllo 😀".encode()) == oracle.encode_ordinary("héllo 😀")
    assert tokenizer.encode(b"a\xff\xe4\xb8b") == oracle.encode_ordinary(b"a\xff\xe4\xb8b".decode(errors="replace"))
    for text in ("a\ud83d b", "\ud83d\ude00", "\udc00\ud800"):
        assert tokenizer.encode(text) == oracle.encode_ordinary(text)
    with pytest.raises(TypeError, match="int"):
        tokenizer.count(7)  # type: ignore[arg-type]


def test_counting_until_a_limit() -> None:
    """A text within the limit has its count, a longer one none."""
    tokenizer = get_tokenizer("cl100k_base")

    assert tokenizer.count_until("one two three", 3) == 3
    assert tokenizer.count_until("one two three", 2) is None
    assert tokenizer.count_until("", 0) == 0
    assert tokenizer.count_until("word " * RUN_BYTES, 10) is None


@pytest.mark.parametrize("name", DISTINCT)
def test_a_tokenizer_made_from_tiktoken(name: str) -> None:
    """One built from tiktoken's ranks gives the same ids as the embedded one."""
    built = Tokenizer.from_tiktoken(tiktoken.get_encoding(name))
    embedded = get_tokenizer(name)
    text = "".join(tokenizer_texts.SAMPLES.values()) + "-" * 1000 + "abcdefg" * 100

    assert built.name == name
    assert built.encode(text) == embedded.encode(text)
    assert built.encode("<|endoftext|>", allow_special=True) == embedded.encode("<|endoftext|>", allow_special=True)


def test_ranks_of_ones_own() -> None:
    """A vocabulary with holes and a token no merge reaches is encoded as tiktoken encodes it."""
    singles = {bytes([byte]): byte for byte in range(256)}
    ranks = singles | {b"ab": 300, b"bc": 301, b"abc": 302, b"wxyz": 400, b"  ": 500}
    pattern = tiktoken.get_encoding("o200k_base")._pat_str
    oracle = tiktoken.Encoding("own", pat_str=pattern, mergeable_ranks=ranks, special_tokens={"<|x|>": 900})
    built = Tokenizer.from_tiktoken(oracle)
    for text in ("abc", "abcd", "wxyz", "wxyzz", "bcabcab" * 30, "    ", "<|x|>"):
        assert built.encode(text) == oracle.encode_ordinary(text)
        assert built.encode(text, allow_special=True) == oracle.encode(text, allowed_special="all")


def test_ranks_out_of_order() -> None:
    """A token may be made of one of a higher rank, in short and in long pieces."""
    singles = {bytes([byte]): byte for byte in range(256)}
    ranks = singles | {b"abc": 256, b"ab": 257, b"cab": 258, b"ca": 259}
    pattern = tiktoken.get_encoding("o200k_base")._pat_str
    oracle = tiktoken.Encoding("own", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    built = Tokenizer.from_tiktoken(oracle)
    for text in ("abc", "xabc", "cabcab", "abcab" * 100, "cab" * 1000, "bca" * 41):
        assert built.encode(text) == oracle.encode_ordinary(text)


def test_encodings_that_cannot_be_built() -> None:
    """The error says whether pattern or ranks are the reason."""
    singles = {bytes([byte]): byte for byte in range(256)}
    pattern = tiktoken.get_encoding("cl100k_base")._pat_str

    with pytest.raises(ValueError, match="pattern"):
        Tokenizer.from_tiktoken(tiktoken.Encoding("x", pat_str=r"\w+", mergeable_ranks=singles, special_tokens={}))
    del singles[b"x"]
    incomplete = tiktoken.Encoding("x", pat_str=pattern, mergeable_ranks=singles, special_tokens={})
    with pytest.raises(ValueError, match="single bytes has no rank"):
        Tokenizer.from_tiktoken(incomplete)
