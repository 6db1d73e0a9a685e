"""A configuration as text that reads back as the same: only what differs from the defaults.

Owns the text. Refuses to know where it goes.
"""

from decimal import Decimal
from functools import lru_cache

import msgspec
import yaml

from tokmeter.config.document import SCALARS
from tokmeter.config.schema import Config

KEPT = 256
"""Texts that are kept, a few KB each: an injector writes the same ones again for every pod, at 3 ms."""


@lru_cache(maxsize=KEPT)
def render(config: Config) -> str:
    """`config` as YAML; the defaults alone are an empty mapping. Equal configurations have the same text."""
    text: str = yaml.dump(_stated(config), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes what either YAML 1.1 or the core schema of 1.2 would take for a number or a word of its own."""


_Dumper.yaml_implicit_resolvers = {
    first: list(known) for first, known in yaml.SafeDumper.yaml_implicit_resolvers.items()
}
for _tag, _pattern, _first in SCALARS:
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)


def _number(dumper: yaml.SafeDumper, number: Decimal) -> yaml.Node:
    # 1.50 and 1.5 are equal, and so must be what is written.
    text = f"{number.normalize():f}"
    return dumper.represent_scalar(f"tag:yaml.org,2002:{'float' if '.' in text else 'int'}", text)


_Dumper.add_representer(Decimal, _number)


def _stated(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        fields = ((field, getattr(value, field.name)) for field in msgspec.structs.fields(value))
        return {field.name: _stated(given) for field, given in fields if field.required or given != field.default}
    if isinstance(value, tuple):
        return [_stated(item) for item in value]
    return value
