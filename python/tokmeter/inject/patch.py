"""JSON Patch (RFC 6902) as far as the injector writes it: operations that add. Knows no pods."""

from collections.abc import Iterable, Mapping
from typing import Any

type Path = tuple[str | int, ...]


def add(path: Path, value: object) -> dict[str, Any]:
    """The operation that adds `value` at `path`, before what is there in a list, `-` being its end."""
    return {"op": "add", "path": "".join(f"/{_escaped(part)}" for part in path), "value": value}


def prefixed(patch: Iterable[Mapping[str, object]], path: Path) -> list[dict[str, Any]]:
    """`patch` for a document that holds the patched one at `path`."""
    prefix = "".join(f"/{_escaped(part)}" for part in path)
    return [{**operation, "path": f"{prefix}{operation['path']}"} for operation in patch]


def parts(pointer: str) -> list[str]:
    """The parts of a JSON pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def apply(document: Mapping[str, Any], patch: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A copy of `document` with `patch` applied. Raises `ValueError` for a patch that does not fit or does not only add."""
    copy: dict[str, Any] = _copied(document)
    for operation in patch:
        if operation.get("op") != "add":
            raise ValueError(f"the operation {operation.get('op')!r} is not `add`")
        *parents, last = parts(operation["path"])
        place: Any = copy
        try:
            for part in parents:
                place = place[int(part)] if isinstance(place, list) else place[part]
            if isinstance(place, list):
                place.insert(_index(last, len(place)), _copied(operation["value"]))
            else:
                place[last] = _copied(operation["value"])
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ValueError(f"the patch does not fit: nothing to add to at {operation['path']}") from error
    return copy


def _copied(value: Any) -> Any:
    """A copy in which nothing is shared: what two containers have in common must not be added to twice."""
    if isinstance(value, Mapping):
        return {name: _copied(member) for name, member in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list | tuple) else value


def _index(text: str, length: int) -> int:
    if text == "-":
        return length
    if not (text.isascii() and text.isdigit() and int(text) <= length):
        raise IndexError(text)
    return int(text)


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
