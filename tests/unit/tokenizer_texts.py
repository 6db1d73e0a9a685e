"""Texts that tokenizers are tried with, here and against their publishers' libraries.

Owns data and drawing from it; each draw is repeatable. Knows no tokenizer.
"""

import itertools
import random
from collections.abc import Iterator

CONTEXTS = ("{}", "a{}b", " {} ", "A{}{}", "'{}s", "\n{}1")
# The letters of contractions, both s, whitespace of each kind, marks, cases, numbers, and what patterns name.
ALPHABET = [
    *"aAbBsStTdDmMlLvVrReExX'\"/.,!-=_ 0127\n\r\t",
    *"\x00\x85\xa0\u017f\u212a\u01c5\u02b0\u0301\u0903\u20dd\u1680\u2003\u2028\u2029\u202f\u205f\u3000\u200b\u200d\ufeff",
    *"é中文字あア한ßİıΣςдЖعربيहिन्দ௧Ⅷ½٣😀👨🏽🇩🇪\U000e0101\U000e007f\U00010400\U00010428\U0001d7d8\u1c89\U000323b0",
    "'s",
    "'ll",
    "'RE",
    "'ſ",
    "  ",
    "\r\n",
    "\n\n",
    "the",
    " and",
    "Ing",
    "中国",
    "<|endoftext|>",
]
SAMPLES = {
    "prose": "It wasn't the first time she'd asked; they'll say it's fine, won't they?  "
    "In 1984, 12,345 people — or so — didn't.\n\nChapter II\n\n\tMr. O'Neill's "
    "café served naïve résumés at 7:30 p.m. (roughly) ...\n",
    "code": "#include <map>\nfn main() {\n    let mut xs: Vec<u32> = (0..1_000).map(|x| x * 2).collect();\n"
    '\tif (a != b && !c->d) { return HTTPServerFactoryXMLParser::new("/usr//lib/"); } // done\n}\n\n\n'
    "def __init__(self, *args, **kw):\n        self.x = f'{args!r}'  # why\n",
    "json": '{"messages":[{"role":"user","content":"Say \\"hi\\"\\n"}],"temperature":0.70000,'
    '"tools":[{"type":"function",'
    '"function":{"name":"get_weather","parameters":{"type":"object","properties":{"city":{"type":"string"}}}}}]}\n',
    "chinese": "今天天气很好,我们去公园散步吧。2024年的“人工智能”技术发展迅速,ChatGPT和其他模型被广泛使用!\n",
    "japanese": "これはテストです。東京タワーの高さは333メートルで、とても有名です。ｶﾀｶﾅも「全角」も。\n",
    "korean": "안녕하세요. 오늘은 날씨가 정말 좋네요! 서울에서 부산까지 400km입니다.\n",
    "arabic": "مرحبا بالعالم، كيف حالك اليوم؟ السعر ١٢٣٤ دينارًا فَقَطْ.\n",
    "hindi": "नमस्ते दुनिया, आप कैसे हैं? कीमत १२३४ रुपये है।\n",
    "emoji": "👩‍👩‍👧‍👦 family, 🏳️‍🌈 flag, 🇩🇪🇫🇷, 👍🏽👍🏿 and ☃️ ❤️‍🔥!!! 😀😀😀\n",
    "mixed": "iPhone15ProMax vs. ＡＢＣ１２３ — ǅungla Ⅷ ½ ²³ ﷺ e\u0301a\u0308 "
    "ZWJ\u200d\u200c \ufeff end \u00a0\u00a0x\u3000y\n",
}


def every_code_point(context: str, batch: int = 512) -> Iterator[str]:
    """Each code point in `context`, many to a text; where every block looks the same, one character in 61."""
    points = (chr(point) for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF)
    # Beyond the assigned planes every block looks the same: one character in 61 is enough there.
    chosen = (char for char in points if ord(char) < 0x33500 or 0xE0000 <= ord(char) < 0xE0200 or ord(char) % 61 == 0)
    return ("".join(context.replace("{}", char) for char in chars) for chars in itertools.batched(chosen, batch))


def hostile(seed: str, count: int = 25_000) -> list[str]:
    """Random strings over an alphabet chosen to confuse pre-tokenizers."""
    source = random.Random(seed)
    return ["".join(source.choices(ALPHABET, k=source.randrange(1, 40))) for _ in range(count)]


def runs(seed: str, count: int = 8_000) -> Iterator[str]:
    """One ASCII character 1 to 70 times, alone and followed by another; random runs of few characters."""
    source = random.Random(seed)
    for point, length in itertools.product(range(0x80), range(1, 71)):
        run = chr(point) * length
        yield run
        yield run + chr(source.randrange(0x80))
    for _ in range(count):
        some = source.choices([*map(chr, range(0x20)), *ALPHABET], k=3)
        yield "".join(source.choice(some) * source.randrange(1, 34) for _ in range(source.randrange(1, 6)))


def code_points(seed: str, count: int = 4_000) -> Iterator[str]:
    """Random strings over all of Unicode, and over single blocks of it."""
    source = random.Random(seed)
    for _ in range(count):
        start, size = source.choice([(0x20, 0x33000), (source.randrange(0x20, 0x1F000), 0x80)])
        points = [source.randrange(start, start + size) for _ in range(source.randrange(1, 30))]
        yield "".join(chr(point) for point in points if not 0xD800 <= point <= 0xDFFF)


def ordinary() -> list[str]:
    """Prose, code, JSON and several scripts, alone, cut at every place, and all together."""
    cut = [sample[:end] for sample in SAMPLES.values() for end in range(len(sample))]
    return [*SAMPLES.values(), "".join(SAMPLES.values()) * 20, *cut]


def long_pieces(seed: str, length: int) -> list[str]:
    """Letters, symbols and white space without a break."""
    source = random.Random(f"{seed} {length}")
    letters = ("ab", "etaoin", "abcdefghijklmnopqrstuvwxyz", "中文字的是", "-=", "!?.", "éàü", "-", " ", "\n")
    return ["".join(source.choices(some, k=length)) for some in letters]
