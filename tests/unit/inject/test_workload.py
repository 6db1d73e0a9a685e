"""Which service a pod belongs to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.inject.pods import container, typed
from tokmeter.inject.workload import service


def owned(kind: str, name: str) -> dict[str, Any]:
    return {"ownerReferences": [{"kind": "Other", "name": "x"}, {"kind": kind, "name": name, "controller": True}]}


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ({"labels": {"app.kubernetes.io/name": "a", "app": "b"}, **owned("StatefulSet", "c")}, "a"),
        ({"labels": {"app.kubernetes.io/name": "", "app": "b"}}, "b"),
        ({"labels": {"pod-template-hash": "7d9f"}, **owned("ReplicaSet", "shop-7d9f")}, "shop"),
        (owned("ReplicaSet", "shop-7d9f"), "shop-7d9f"),
        (owned("Job", "night-28571234"), "night"),
        (owned("Job", "import-2"), "import-2"),
        (owned("StatefulSet", "db"), "db"),
        ({"generateName": "batch-"}, "batch"),
        ({"name": "one"}, "one"),
        ({}, None),
        (None, None),
    ],
)
def test_labels_then_owner_then_name(metadata: dict[str, Any] | None, found: str | None) -> None:
    assert service(typed({"metadata": metadata, "spec": {"containers": [container()]}})) == found
