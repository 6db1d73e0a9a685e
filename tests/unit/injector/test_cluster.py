"""Events and their bounds; requests that mean nothing to the client. With a cluster: tests/kubernetes/admission."""

import sys
import threading
from typing import Any, cast

import pytest

from tokmeter.errors import TokmeterError
from tokmeter.inject import Outcome, Reason
from tokmeter.injector import limits
from tokmeter.injector.admission import Refusal
from tokmeter.injector.cluster.client import Api, connect, part
from tokmeter.injector.cluster.events import Events, event, notice
from tokmeter.injector.cluster.namespaces import read_namespace

OWNER = {"apiVersion": "batch/v1", "kind": "Job", "name": "nightly", "uid": "u-1", "controller": True}


def refusal(
    metadata: dict[str, Any],
    reason: Reason = Reason.UID_CLASH,
    message: str = "uid 1338 is taken",
    namespace: str = "shop",
) -> Refusal:
    return Refusal(metadata, namespace, Outcome(reason=reason, message=message))


class Told:
    """Events into a list."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.dropped: list[str] = []
        self.now = 0.0
        self.gate = threading.Event()
        self.gate.set()
        self.events = Events(
            cast(Api, self), dropped=self.dropped.append, clock=lambda: self.now, now_ns=lambda: 1_700_000_000 * 10**9
        )

    def send(self, _method: str, _path: str, body: dict[str, Any]) -> None:
        assert self.gate.wait(30)
        self.sent.append(body)


def test_the_controller_is_told_rather_than_another_owner() -> None:
    other = {**OWNER, "kind": "Widget", "controller": False}

    assert notice(refusal({"ownerReferences": [other, OWNER]})).about == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": "nightly",
        "uid": "u-1",
        "namespace": "shop",
    }


@pytest.mark.parametrize("owners", [None, 7, [7], [{"kind": "Job"}], [{**OWNER, "uid": 7}]])
def test_owners_that_are_none_leave_the_pod(owners: object) -> None:
    about = notice(refusal({"generateName": "web-", "ownerReferences": owners})).about

    assert (about["kind"], about["name"]) == ("Pod", "web")


@pytest.mark.parametrize("metadata", [{}, {"name": 7}])
def test_a_pod_without_any_name_is_not_told_of(metadata: dict[str, Any]) -> None:
    told = Told()

    told.events.refused(refusal(metadata))
    told.events.start()
    told.events.stop(30)

    assert (told.sent, told.dropped) == ([], [])


def test_an_event_is_bounded_and_dated() -> None:
    made = event(notice(refusal({"ownerReferences": [OWNER]}, message="x" * 5000)), 1_700_000_000 * 10**9)

    assert made["firstTimestamp"] == "2023-11-14T22:13:20Z"
    assert len(str(made["message"])) == limits.EVENT_CHARS_MAX


def test_an_owner_is_told_again_after_a_while() -> None:
    told = Told()
    for now in (0.0, limits.EVENT_REPEAT_S - 1, limits.EVENT_REPEAT_S):
        told.now = now
        told.events.refused(refusal({"ownerReferences": [OWNER]}))
    told.events.start()
    told.events.stop(30)

    assert len(told.sent) == 2
    assert told.dropped == []


def test_more_owners_than_the_rate_allows_are_counted() -> None:
    told = Told()
    owners = [{**OWNER, "uid": f"u-{i}"} for i in range(int(limits.EVENTS_BURST) + 7)]
    for owner in owners:
        told.events.refused(refusal({"ownerReferences": [owner]}))
    assert told.dropped == ["rate"] * 7

    told.now = 1.0
    for owner in owners[-7:]:
        told.events.refused(refusal({"ownerReferences": [owner]}))
    assert len(told.dropped) == 7 + 7 - limits.EVENTS_PER_S


def test_a_full_queue_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EVENTS_QUEUED_MAX", 2)
    told = Told()
    for i in range(3):
        told.events.refused(refusal({"ownerReferences": [{**OWNER, "uid": f"u-{i}"}]}))

    assert told.dropped == ["queue_full"]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EVENTS_REMEMBERED_MAX", 3)
    monkeypatch.setattr(limits, "EVENTS_BURST", 1000.0)
    told = Told()
    for i in range(10):
        told.events.refused(refusal({"ownerReferences": [{**OWNER, "uid": f"u-{i}"}]}))

    assert len(told.events._told) == 3


def test_a_missing_client_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes.client", None)

    with pytest.raises(TokmeterError, match="not installed") as error:
        connect(None)

    assert "tokmeter[kubernetes]" in str(error.value.hint)


def test_a_name_is_one_part_of_a_path() -> None:
    assert part("../secrets?x") == "..%2Fsecrets%3Fx"


@pytest.mark.parametrize("item", [None, [], {}, {"metadata": {"name": 7}}])
def test_what_is_no_namespace_is_none(item: object) -> None:
    assert read_namespace(item) is None


def test_labels_that_are_no_text_are_left_out() -> None:
    namespace = read_namespace({"metadata": {"name": "a", "labels": {"x": "y", "z": 7}, "annotations": None}})

    assert namespace is not None
    assert (namespace.labels, namespace.annotations) == ({"x": "y"}, {})
