"""Compares a document with the schema's types, so that a mistake is told with its line, its key and a way out.

Owns unknown keys, missing keys and wrong types. Refuses to know what the keys mean (`rules`).
"""

import re
from decimal import Decimal
from difflib import get_close_matches

import msgspec
from msgspec import inspect

from tokmeter.config.document import Document, Node
from tokmeter.config.schema import ANNOUNCED, Config
from tokmeter.errors import ConfigError


def config(document: Document) -> Config:
    """The configuration that `document` holds. Raises `ConfigError` at the first mistake in shape."""
    return structured(document, Config)


def structured[T: msgspec.Struct](document: Document, struct: type[T]) -> T:
    """The `struct` that `document` holds. Raises `ConfigError` at the first mistake in shape."""
    plain = _Check(document).value(document.root, inspect.type_info(struct), "")
    try:
        return msgspec.convert(plain, struct)
    except msgspec.ValidationError as error:
        raise ConfigError(str(error), where=document.path) from None


def closest(word: str, known: list[str] | tuple[str, ...]) -> str:
    """A hint: the known word that was probably meant, else all of them."""
    near = get_close_matches(word.lower(), known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def key_of(parent: str, name: str | int) -> str:
    """How messages write a place: ``budgets[0].limit.usd``."""
    if isinstance(name, int):
        return f"{parent}[{name}]"
    return f"{parent}.{name}" if parent else name


class _Check:
    """Walks nodes and types together and returns plain values."""

    def __init__(self, document: Document) -> None:
        self.document = document

    def value(self, node: Node, type_: inspect.Type, key: str) -> object:
        type_ = _unwrapped(type_)
        if isinstance(type_, inspect.UnionType):
            return self._union(node, type_, key)
        if isinstance(type_, inspect.StructType):
            return self._struct(node, type_, key)
        if isinstance(type_, inspect.VarTupleType):
            if not isinstance(node.value, list):
                raise self._error(node, key, "must be a list", "write one `- item` a line, or [a, b]")
            return [self.value(item, type_.item_type, key_of(key, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, type_, key)

    def _struct(self, node: Node, type_: inspect.StructType, key: str) -> dict[str, object]:
        fields = {field.name: field for field in type_.fields}
        if not isinstance(node.value, dict):
            raise self._error(node, key, "must be a mapping", f"keys: {', '.join(fields)}")
        for name, (line, _) in node.value.items():
            if name not in fields:
                raise self._unknown(name, line, key, list(fields))
        missing = [name for name, field in fields.items() if field.required and name not in node.value]
        if missing:
            raise self._error(node, key, f"lacks {missing[0]!r}", f"add `{missing[0]}:` to it")
        # A section with everything in it commented out is null in YAML and means its defaults.
        return {
            name: self.value(value, fields[name].type, key_of(key, name))
            for name, (_, value) in node.value.items()
            if value.value is not None or fields[name].required
        }

    def _unknown(self, name: str, line: int, key: str, known: list[str]) -> ConfigError:
        where = self.document.at(line, key_of(key, name))
        if name in ANNOUNCED.get(re.sub(r"\[\d+\]", "[]", key), ()):
            return ConfigError(f"key {name!r} has no effect in this version", where=where, hint="remove it")
        return ConfigError(f"unknown key {name!r}", where=where, hint=closest(name, known))

    def _union(self, node: Node, type_: inspect.UnionType, key: str) -> object:
        if node.value is None and any(isinstance(_unwrapped(t), inspect.NoneType) for t in type_.types):
            return None
        options = [t for t in map(_unwrapped, type_.types) if not isinstance(t, inspect.NoneType)]
        shapes: dict[type, type] = {dict: inspect.StructType, list: inspect.VarTupleType}
        shape = shapes.get(type(node.value), object)
        return self.value(node, next((t for t in options if isinstance(t, shape)), options[0]), key)

    def _scalar(self, node: Node, type_: inspect.Type, key: str) -> object:
        value = node.value
        if isinstance(type_, inspect.LiteralType):
            words = [str(word) for word in type_.values]
            if not isinstance(value, str) or value not in words:
                what = f"must be one of {', '.join(words)}, not {_shown(value)}"
                raise self._error(node, key, what, closest(str(value), words))
            return value
        if isinstance(type_, inspect.BoolType) and not isinstance(value, bool):
            raise self._error(node, key, f"must be true or false, not {_shown(value)}", "write true or false")
        if isinstance(type_, inspect.IntType) and (isinstance(value, bool) or not isinstance(value, int)):
            raise self._error(node, key, f"must be a whole number, not {_shown(value)}", "digits only, like 200000")
        if isinstance(type_, inspect.DecimalType):
            return self._decimal(node, key)
        if isinstance(type_, inspect.StrType) and (not isinstance(value, str) or not value.strip()):
            hint = f'put quotes around it: "{value}"' if isinstance(value, (int, Decimal)) else "write a name"
            raise self._error(node, key, f"must be text, not {_shown(value)}", hint)
        return value

    def _decimal(self, node: Node, key: str) -> Decimal:
        value = node.value
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise self._error(node, key, f"must be a number, not {_shown(value)}", "plain digits, like 12.50")
        return Decimal(value)

    def _error(self, node: Node, key: str, what: str, hint: str) -> ConfigError:
        return ConfigError(f"{key or 'the file'} {what}", where=self.document.at(node.line, key), hint=hint)


def _unwrapped(type_: inspect.Type) -> inspect.Type:
    return type_.type if isinstance(type_, inspect.Metadata) else type_


def _shown(value: object) -> str:
    match value:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case None:
            return "nothing"
        case str():
            return repr(value[:40])
    return str(value).lower() if isinstance(value, bool) else str(value)[:40]
