"""Every line of the coverage table has a case: what is said to be metered is measured."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from tokmeter._core import built_in_hosts, coverage

CASES = Path(__file__).parent / "cases"


def dialect_of(host: str, port: int | None) -> str:
    """Whose API a host speaks; servers of one's own speak OpenAI's unless the table knows their port."""
    for pattern, _, dialect in built_in_hosts():
        name = re.escape(pattern).replace(r"\*", "[^.]+")
        if re.fullmatch(f".+{name}" if pattern.startswith(".") else name, host):
            return dialect
        if pattern.startswith("*:") and pattern.removeprefix("*:") == str(port):
            return dialect
    return "openai"


@cache
def requests() -> list[tuple[str, str, str]]:
    """Dialect, method and path of every request of every case."""
    found = []
    for archive in CASES.glob("*/exchange.har"):
        for entry in json.loads(archive.read_text(encoding="utf-8"))["log"]["entries"]:
            request = entry["request"]
            url = urlsplit(request["url"])
            found.append((dialect_of(url.hostname or "", url.port), request["method"], url.path))
    return found


def has_case(dialect: str, method: str, template: str) -> bool:
    """Whether some case asks for `template`, in which a name in braces stands for any, on a host of `dialect`."""
    path = re.compile(".*" + re.sub(r"\\{[^/:]+\\}", "[^/]+", re.escape(template)))
    return any((dialect, method) == asked[:2] and path.fullmatch(asked[2]) for asked in requests())


def test_every_operation_of_every_dialect_has_a_case() -> None:
    missing = [line[:3] for line in coverage() if not has_case(*line[:3])]
    assert not missing, "\n".join(" ".join(line) for line in missing)


def test_a_path_without_a_case_is_seen() -> None:
    assert has_case("openai", "POST", "/v1/chat/completions")
    assert not has_case("openai", "PUT", "/v1/chat/completions")
    assert not has_case("cohere", "POST", "/v9/{name}/nothing")
