"""Manifests come out as they went in, apart from what is added."""

from __future__ import annotations

import pytest
import yaml

from tokmeter.errors import TokmeterError
from tokmeter.inject.manifest import Manifest
from tokmeter.inject.patch import add

ODD = """\
kind: ConfigMap
data: {quoted: "on", date: 2026-01-02, single: '1', empty: ''}
plain: 22:22
mode: 0644
hex: 0x10
switch: yes
none:
folded: >-
  a
  b
literal: |
  x: $(y)
  é
list: [1, 2.5, 1e3]
"""


def test_words_stay_as_they_were_written() -> None:
    manifest = Manifest(ODD, "m")

    text = manifest.text()

    for line in ("mode: 0644", "hex: 0x10", "switch: yes", "none:", '"on"', "plain: 22:22", "date: 2026-01-02", "'1'"):
        assert line in text
    assert yaml.safe_load(text) == yaml.safe_load(ODD)
    assert Manifest(text, "m").text() == text


def test_values_are_read_as_kubernetes_reads_them() -> None:
    (found,) = Manifest(ODD, "m").documents

    assert (found["mode"], found["hex"], found["switch"], found["none"]) == (0o644, 16, True, None)
    assert found["plain"] == "22:22"
    assert found["data"] == {"quoted": "on", "date": "2026-01-02", "single": "1", "empty": ""}
    assert found["list"] == [1, 2.5, 1000.0]


def test_documents_keep_their_order_and_comments_are_lost() -> None:
    text = Manifest("# first\na: 1\n---\nb: 2 # b\n---\n- c\n", "m").text()

    assert text == "a: 1\n---\nb: 2\n---\n- c\n"


def test_nothing_is_nothing() -> None:
    assert Manifest("", "m").text() == Manifest("# only words\n", "m").text() == ""


def test_an_addition_to_an_alias_is_one_addition() -> None:
    manifest = Manifest("a: &x {l: [1]}\nb: *x\nc: {<<: *x, m: 2}\n", "m")

    manifest.apply(0, [add(("a", "l", "-"), {"k": "on\n"}), add(("c", "n"), "3")])

    assert yaml.safe_load(manifest.text()) == {
        "a": {"l": [1, {"k": "on\n"}]},
        "b": {"l": [1]},
        "c": {"l": [1], "m": 2, "n": "3"},
    }


def test_what_was_null_is_replaced() -> None:
    manifest = Manifest("spec:\n  volumes:\n", "m")

    manifest.apply(0, [add(("spec", "volumes"), [{"name": "v"}])])

    assert yaml.safe_load(manifest.text()) == {"spec": {"volumes": [{"name": "v"}]}}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("a: [1\n", "m:2"),
        ("a: 1\n\tb: 2\n", "m:2"),
        ("a: *b\n", "m:1"),
        ("a: \x00", "m"),
        ("[" * 2000, "m"),
    ],
)
def test_what_is_not_yaml_is_told_with_its_place(text: str, where: str) -> None:
    with pytest.raises(TokmeterError) as caught:
        Manifest(text, "m")

    assert caught.value.where == where


def test_a_few_aliases_cannot_stand_for_billions() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12))

    with pytest.raises(TokmeterError, match="too deeply or too large"):
        Manifest(bomb, "m")
