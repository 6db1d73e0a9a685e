"""A YAML file as a tree of nodes that remember their lines.

Owns reading the file, YAML's own mistakes and duplicate keys. Refuses to know which keys exist.

Scalars follow YAML 1.2 (``off`` is a word, not false; ``1_000`` is text), and numbers with a fraction are `Decimal`,
because most of them are money.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import yaml

from tokmeter.errors import ConfigError

FILE_BYTES_MAX = 1 << 20
"""Bytes of a configuration file. Real ones are a few KB; more is the wrong file."""

NODES_MAX = 100_000
"""Nodes after aliases are followed: a few nested aliases can stand for billions."""

DEPTH_MAX = 32
"""Nesting. The schema needs five levels."""


SCALARS = tuple(
    (tag, re.compile(pattern), list(first))
    for tag, pattern, first in (
        ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
        ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
        ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
    )
)
"""What is not text: the kind, how it is written, the characters it begins with."""


class _Loader(yaml.SafeLoader):
    """Knows the scalars of YAML 1.2's core schema only."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in SCALARS:
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)


type Scalar = str | int | bool | Decimal | None


@dataclass(frozen=True, slots=True)
class Node:
    """One value of the file: a scalar, a list of nodes, or a mapping of names to (line of the name, node)."""

    value: "Scalar | list[Node] | dict[str, tuple[int, Node]]"
    line: int
    """Counted from one."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file that is YAML."""

    path: str
    root: Node
    key: str = ""
    """Where `root` is in the file, when it is only a part of it."""

    def part(self, name: str) -> "Document":
        """The mapping under the key `name` of the file as a document of its own; empty where there is none."""
        if not isinstance(self.root.value, dict) or name not in self.root.value:
            return Document(self.path, Node({}, self.root.line), name)
        return Document(self.path, self.root.value[name][1], name)

    def at(self, line: int, key: str) -> str:
        """Where something is, as every message shows it."""
        key = f"{self.key}.{key}".strip(".")
        return f"{self.path}:{line}, key {key}" if key else f"{self.path}:{line}"

    def place(self, *key: str | int) -> str:
        """`at` for a key by its parts; the line of its nearest parent where the key itself has a default."""
        node, line, name = self.root, self.root.line, ""
        for part in key:
            name = f"{name}[{part}]" if isinstance(part, int) else f"{name}.{part}".lstrip(".")
            if isinstance(part, int) and isinstance(node.value, list) and part < len(node.value):
                node = node.value[part]
                line = node.line
            elif isinstance(part, str) and isinstance(node.value, dict) and part in node.value:
                line, node = node.value[part]
        return self.at(line, name)


def read(path: Path) -> Document:
    """Reads `path`. Raises `ConfigError` when it cannot be read or is not one YAML mapping."""
    return parse(_text(path), str(path))


def parse(text: str, path: str) -> Document:
    """Parses `text`; `path` is for messages. An empty text is an empty mapping."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _not_yaml(error, path) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"not YAML: {error}".splitlines()[0], where=path, hint="save it as UTF-8 text") from None
    except RecursionError:
        raise ConfigError("nested too deeply", where=path, hint="is this the right file?") from None
    if root is None:
        return Document(path, Node({}, 1))
    node = _Reader(path).node(root, 0)
    if node.value is None:
        return Document(path, Node({}, node.line))
    if not isinstance(node.value, dict):
        raise ConfigError(
            "the file is not a mapping of keys", where=f"{path}:{node.line}", hint="write `key: value` lines"
        )
    return Document(path, node)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        raise ConfigError("no such configuration file", where=str(path), hint="check the path given") from None
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise ConfigError(f"the configuration cannot be read: {reason}", where=str(path)) from None
    if len(data) > FILE_BYTES_MAX:
        raise ConfigError(
            f"the configuration is larger than {FILE_BYTES_MAX} bytes", where=str(path), hint="is this the right file?"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("not UTF-8 text", where=f"{path}:{line}", hint="save it as UTF-8") from None


def _not_yaml(error: yaml.MarkedYAMLError, path: str) -> ConfigError:
    mark = error.problem_mark or error.context_mark
    where = f"{path}:{mark.line + 1}" if mark else path
    problem = error.problem or "broken"
    if "'\\t'" in problem:
        return ConfigError("a tab where YAML allows only spaces", where=where, hint="indent with spaces")
    if "expected a single document" in (error.context or ""):
        return ConfigError("more than one document", where=where, hint="remove the `---` and what follows it")
    return ConfigError(f"not YAML: {problem}", where=where, hint="check indentation, colons and quotes around it")


class _Reader:
    """Turns PyYAML's nodes into ours, within the bounds."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.nodes = 0

    def node(self, source: yaml.Node, depth: int) -> Node:
        line = source.start_mark.line + 1
        self.nodes += 1
        if depth > DEPTH_MAX or self.nodes > NODES_MAX:
            raise ConfigError("nested too deeply or too large", where=f"{self.path}:{line}", hint="remove aliases")
        if isinstance(source, yaml.SequenceNode):
            return Node([self.node(item, depth + 1) for item in source.value], line)
        if isinstance(source, yaml.MappingNode):
            return Node(self._mapping(source, depth), line)
        return Node(self._scalar(source, line), line)

    def _mapping(self, source: yaml.MappingNode, depth: int) -> dict[str, tuple[int, Node]]:
        mapping: dict[str, tuple[int, Node]] = {}
        for key, value in source.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError("a key that is not a word", where=f"{self.path}:{line}", hint="write `key: value`")
            if key.value in mapping:
                raise ConfigError(
                    f"key {key.value!r} is given twice",
                    where=f"{self.path}:{line}, key {key.value}",
                    hint=f"remove one; the first is on line {mapping[key.value][0]}",
                )
            mapping[key.value] = (line, self.node(value, depth + 1))
        return mapping

    def _scalar(self, source: yaml.Node, line: int) -> Scalar:
        text = str(source.value)
        match source.tag.removeprefix("tag:yaml.org,2002:"):
            case "str":
                return text
            case "null":
                return None
            case "bool":
                return text.lower() == "true"
            case "int" if len(text) <= len(str(1 << 63)):
                return int(text)
            case "int" | "float":
                return Decimal(text)
        raise ConfigError(f"tag {source.tag} is not understood", where=f"{self.path}:{line}", hint="remove the tag")
