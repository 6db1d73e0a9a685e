"""YAML's own mistakes, its scalars, and the lines of nodes."""

from decimal import Decimal
from pathlib import Path

import pytest

from tokmeter.config.document import FILE_BYTES_MAX, Node, parse, read
from tokmeter.errors import ConfigError


def scalar(text: str) -> object:
    root = parse(f"key: {text}", "f").root.value
    assert isinstance(root, dict)
    return root["key"][1].value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("off", "off"),
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("50", 50),
        ("-1", -1),
        ("010", 10),
        ("0.10", Decimal("0.10")),
        ("1e3", Decimal(1000)),
        (".5", Decimal("0.5")),
        ("1_000", "1_000"),
        ("60:30", "60:30"),
        ("2026-01-31", "2026-01-31"),
        ("'5'", "5"),
        ("9" * 40, Decimal("9" * 40)),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = scalar(text)

    assert (found, type(found)) == (value, type(value))


def test_money_keeps_the_digits_that_were_written() -> None:
    assert str(scalar("0.1")) == "0.1"
    assert str(scalar("19.990000001")) == "19.990000001"


@pytest.mark.parametrize("text", ["", "\n", "# all commented out\n", "---\n", "null"])
def test_an_empty_file_is_an_empty_mapping(text: str) -> None:
    assert parse(text, "f").root.value == {}


def test_nodes_remember_their_lines() -> None:
    document = parse("a: 1\nb:\n  - x: 1\n  - y:\n      z: 2\n", "f")

    assert document.place("a") == "f:1, key a"
    assert document.place("b", 1, "y", "z") == "f:5, key b[1].y.z"
    assert document.place("b", 1, "y", "absent") == "f:4, key b[1].y.absent"
    assert document.place("absent", "deeper") == "f:1, key absent.deeper"


@pytest.mark.parametrize(
    ("text", "what", "where", "hint"),
    [
        ("a: 1\nb: 2\na: 3", "'a' is given twice", "f:3, key a", "line 1"),
        ("a:\n\tb: 1", "a tab", "f:2", "spaces"),
        ("\ta: 1", "a tab", "f:1", "spaces"),
        ("- a", "not a mapping", "f:1", "key: value"),
        ("hello", "not a mapping", "f:1", "key: value"),
        ("a: [1", "not YAML", "f:1", "quotes"),
        ("a: b: c", "not YAML", "f:1", "colons"),
        ("a: 1\n---\nb: 2", "more than one document", "f:2", "---"),
        ("a: *nowhere", "undefined alias", "f:1", ""),
        ("? [a]\n: 1", "not a word", "f:1", ""),
        ("a: !!python/object:os.system x", "is not understood", "f:1", "tag"),
        ("a: &a [*a]", "too deeply", "f:1", "aliases"),
        ("a: " + "[" * 60 + "]" * 60, "too deeply", "f:1", ""),
        ("a: " + "[" * 20_000 + "]" * 20_000, "too deeply", "f", ""),
        ("a: \x07", "not YAML", "f", "UTF-8"),
    ],
)
def test_says_what_is_not_yaml_once(text: str, what: str, where: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "f")

    assert what in caught.value.what
    assert caught.value.where == where
    assert hint in (caught.value.hint or "")


def test_nested_aliases_cannot_grow_without_bound() -> None:
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 10)}]" for i in range(1, 8)]

    with pytest.raises(ConfigError, match="too large"):
        parse("\n".join(["l0: &l0 [x]", *levels]), "f")


def test_an_alias_stands_for_its_value() -> None:
    assert parse("a: &x {k: 1}\nb: *x", "f").root.value == {
        "a": (1, Node({"k": (1, Node(1, 1))}, 1)),
        "b": (2, Node({"k": (1, Node(1, 1))}, 1)),
    }


def test_a_file_that_is_not_text_is_told_by_line(tmp_path: Path) -> None:
    path = tmp_path / "tokmeter.yaml"
    path.write_bytes(b"service: a\nstore: \xff\n")

    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        read(path)

    assert caught.value.where == f"{path}:2"


def test_a_file_that_cannot_be_read_is_told_by_name(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"#" * (FILE_BYTES_MAX + 1))

    for path, what in ((tmp_path / "absent", "no such"), (tmp_path, "directory"), (large, "larger than")):
        with pytest.raises(ConfigError, match=what) as caught:
            read(path)
        assert caught.value.where == str(path)


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "tokmeter.yaml"
    path.write_bytes(b"\xef\xbb\xbfservice: a\n")

    assert read(path).root.value == {"service": (1, Node("a", 1))}
