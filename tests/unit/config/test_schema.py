"""Every key is documented, and no default is a mistake."""

from collections.abc import Iterator

import pytest
from msgspec import inspect

from tokmeter.config.address import addresses
from tokmeter.config.schema import Config


def sections(kind: inspect.Type) -> Iterator[inspect.StructType]:
    """Every mapping of the file, outermost first."""
    match kind:
        case inspect.StructType(fields=fields):
            yield kind
            for field in fields:
                yield from sections(field.type)
        case inspect.Metadata(type=inner):
            yield from sections(inner)
        case inspect.VarTupleType(item_type=item):
            yield from sections(item)
        case inspect.UnionType(types=types):
            for inner in types:
                yield from sections(inner)


SECTIONS = {section.cls.__name__: section for section in sections(inspect.type_info(Config))}


@pytest.mark.parametrize("name", SECTIONS)
def test_every_key_has_a_sentence(name: str) -> None:
    section = SECTIONS[name]

    assert (section.cls.__doc__ or "").strip()
    for field in section.fields:
        assert isinstance(field.type, inspect.Metadata), field.name
        assert str((field.type.extra_json_schema or {}).get("description", "")).endswith("."), field.name


@pytest.mark.parametrize("name", SECTIONS)
def test_unknown_keys_are_never_passed_over(name: str) -> None:
    assert SECTIONS[name].forbid_unknown_fields


def test_the_default_addresses_are_this_machine_s_own() -> None:
    config = Config()

    listening = (*addresses(config.proxy.listen), *addresses(config.metrics.listen))

    assert {host for host, _ in listening} == {"127.0.0.1"}
    assert len({port for _, port in listening}) == 2
