"""Operations that add, and their application."""

from __future__ import annotations

from typing import Any

import pytest

from tokmeter.inject import apply
from tokmeter.inject.patch import add, prefixed


def test_names_with_slashes_and_tildes_are_escaped() -> None:
    operation = add(("metadata", "annotations", "a.io/b~c"), "v")

    assert operation["path"] == "/metadata/annotations/a.io~1b~0c"
    assert apply({"metadata": {"annotations": {}}}, [operation]) == {"metadata": {"annotations": {"a.io/b~c": "v"}}}


def test_lists_grow_where_it_says() -> None:
    document = {"a": [1, 2]}

    assert apply(document, [add(("a", 1), 9), add(("a", "-"), 8), add(("a", 4), 7)]) == {"a": [1, 9, 2, 8, 7]}
    assert document == {"a": [1, 2]}


def test_what_is_shared_is_not_added_to_twice() -> None:
    shared = [1]

    assert apply({"a": shared, "b": shared}, [add(("a", "-"), 2)]) == {"a": [1, 2], "b": [1]}


def test_a_patch_may_be_meant_for_a_part() -> None:
    assert prefixed([add(("x",), 1)], ("items", 0, "spec")) == [add(("items", 0, "spec", "x"), 1)]


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/a/0"},
        {"op": "add", "path": "/b/c", "value": 1},
        {"op": "add", "path": "/a/3", "value": 1},
        {"op": "add", "path": "/a/x", "value": 1},
        {"op": "add", "path": "/a/0/y", "value": 1},
    ],
)
def test_what_does_not_fit_is_an_error(operation: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"the operation|does not fit"):
        apply({"a": [1, 2]}, [operation])
