"""A file of manifests: YAML documents that are changed in place and written as they were, apart from comments.

Owns the text. Documents are kept as YAML nodes, so that order, quotes and plain words stay what they were, whichever reader
of YAML comes next; only comments, anchors and merge keys are lost (what they stood for is written out). Knows no pods.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tokmeter.errors import TokmeterError
from tokmeter.inject import limits
from tokmeter.inject.patch import parts

_HINT = "give a manifest as kubectl takes it"


class _Loader(yaml.SafeLoader):
    """The scalars that Kubernetes' own reader knows: YAML 1.1 without dates and without numbers to the base of sixty."""


class _Dumper(yaml.SafeDumper):
    """Writes plain what is plain there."""


_SCALARS = (
    ("bool", r"^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$", "yYnNtTfFoO"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$", "-+0123456789"),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+.0123456789",
    ),
    ("merge", r"^<<$", "<"),
)
for _class in (_Loader, _Dumper):
    _class.yaml_implicit_resolvers = {}
    for _tag, _pattern, _first in _SCALARS:
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))


class Manifest:
    """The documents of one file."""

    def __init__(self, text: str, where: str) -> None:
        """Reads `text`; `where` is for messages. Raises `TokmeterError` when it is not YAML."""
        if len(text.encode()) > limits.MANIFEST_BYTES:
            raise TokmeterError(f"the manifest is larger than {limits.MANIFEST_BYTES} bytes", where=where, hint=_HINT)
        try:
            self._nodes = [_Copier(where).copy(node) for node in yaml.compose_all(text, _Loader)]
            self.documents = [_plain(node) for node in self._nodes]
            """The documents as values."""
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = f"{where}:{mark.line + 1}" if mark else where
            raise TokmeterError(f"not YAML: {error.problem or 'broken'}", where=place, hint=_HINT) from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise TokmeterError(f"not YAML: {str(error).splitlines()[0][:100]}", where=where, hint=_HINT) from None

    def apply(self, document: int, patch: Sequence[Mapping[str, Any]]) -> None:
        """Applies the `add` operations of `patch` to the document of that number."""
        for operation in patch:
            *parents, last = parts(operation["path"])
            place = self._nodes[document]
            for part in parents:
                place = _child(place, part)
            node = _represented(operation["value"])
            if isinstance(place, yaml.SequenceNode):
                place.value.insert(len(place.value) if last == "-" else int(last), node)
            elif isinstance(place, yaml.MappingNode):
                # What was null there is replaced.
                place.value = [(key, value) for key, value in place.value if key.value != last]
                place.value.append((_represented(last), node))
                place.flow_style = False

    def text(self) -> str:
        """All documents, in order."""
        return "".join(
            ("---\n" if number else "") + str(yaml.serialize(node, Dumper=_Dumper, width=2**16, allow_unicode=True))
            for number, node in enumerate(self._nodes)
        )


class _Copier:
    """Copies nodes so that no two places share one, within the bounds: what is added in one must not be added in both."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._count = 0

    def copy(self, node: yaml.Node, depth: int = 0) -> yaml.Node:
        self._count += 1
        if self._count > limits.MANIFEST_NODES or depth > limits.MANIFEST_DEPTH:
            raise TokmeterError(
                "the manifest is nested too deeply or too large", where=self._where, hint="remove aliases"
            )
        if isinstance(node, yaml.MappingNode):
            pairs = [(self.copy(key, depth + 1), self.copy(value, depth + 1)) for key, value in node.value]
            return yaml.MappingNode(node.tag, _merged(pairs), flow_style=node.flow_style)
        if isinstance(node, yaml.SequenceNode):
            items = [self.copy(item, depth + 1) for item in node.value]
            return yaml.SequenceNode(node.tag, items, flow_style=node.flow_style)
        return yaml.ScalarNode(node.tag, node.value, style=node.style if isinstance(node, yaml.ScalarNode) else None)


def _merged(pairs: list[tuple[yaml.Node, yaml.Node]]) -> list[tuple[yaml.Node, yaml.Node]]:
    """`pairs` with what `<<` stands for written out, behind what they say themselves."""
    own = [(key, value) for key, value in pairs if not key.tag.endswith(":merge")]
    if len(own) == len(pairs):
        return own
    said = {key.value for key, _ in own if isinstance(key, yaml.ScalarNode)}
    for key, value in pairs:
        if key.tag.endswith(":merge"):
            for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                for name, inherited in source.value if isinstance(source, yaml.MappingNode) else ():
                    if name.value not in said:
                        said.add(name.value)
                        own.append((name, inherited))
    return own


def _plain(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        # Names in JSON are text, whatever they look like.
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return _scalar(node.tag.removeprefix("tag:yaml.org,2002:"), str(node.value))


def _scalar(kind: str, text: str) -> str | float | bool | None:
    match kind:
        case "null":
            return None
        case "bool":
            return text.lower() in {"yes", "true", "on"}
        case "int":
            return _integer(text.replace("_", ""))
        case "float":
            return float(text)
    return text


def _integer(text: str) -> int:
    digits = text.lstrip("+-")
    if digits.startswith("0") and digits.isdigit() and len(digits) > 1:
        text = text.replace("0", "0o", 1)
    return int(text, 0)


def _child(node: yaml.Node, part: str) -> yaml.Node:
    if isinstance(node, yaml.SequenceNode):
        found: yaml.Node = node.value[int(part)]
        return found
    inside: yaml.Node = next(value for key, value in node.value if key.value == part)
    return inside


def _represented(value: object) -> yaml.Node:
    node: yaml.Node = _Represented().represent_data(value)
    return node


class _Represented(yaml.representer.SafeRepresenter):
    """Values of ours as nodes: mappings in their order, texts of several lines as blocks."""

    def __init__(self) -> None:
        super().__init__(default_flow_style=False, sort_keys=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base class's signature
        return True


def _text(representer: yaml.representer.SafeRepresenter, text: str) -> yaml.Node:
    return representer.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Represented.add_representer(str, _text)
