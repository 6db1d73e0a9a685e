"""What is counted, warned of and told, whatever the injector says."""

import json
from collections.abc import Mapping
from typing import Any

from tests.unit.injector.test_review import asked

from tokmeter.inject import Cluster, Injection, Namespace, Outcome, Pod, Reason
from tokmeter.injector.admission import Admission, Refusal
from tokmeter.injector.tally import Tally

SHOP = Namespace("shop", {"tokmeter.io/inject": "enabled"})


class Tried:
    """An admission that answers with one outcome."""

    def __init__(self, outcome: Outcome | Exception) -> None:
        self.outcome = outcome
        self.refused: list[Refusal] = []
        self.tally = Tally()
        self.seen: list[tuple[Pod | Mapping[str, Any], Namespace, Cluster]] = []
        self.admission = Admission(
            Injection(image="x"),
            namespace=lambda name: SHOP if name == "shop" else Namespace(name),
            cluster=lambda: Cluster((1, 34)),
            refused=self.refused.append,
            tally=self.tally,
            injector=self._inject,
        )

    def _inject(
        self, pod: Pod | Mapping[str, Any], namespace: Namespace, _injection: Injection, cluster: Cluster
    ) -> Outcome:
        self.seen.append((pod, namespace, cluster))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def response(self, **request: object) -> dict[str, Any]:
        answer = self.admission.answer(asked(**request))
        assert answer.status == 200
        response: dict[str, Any] = json.loads(answer.body)["response"]
        return response


def test_the_injector_is_told_what_is_known() -> None:
    tried = Tried(Outcome(reason=Reason.INJECTED, message="", profile="proxy-env", patch=[{"op": "add"}]))

    response = tried.response()

    assert tried.seen == [({"spec": {}}, SHOP, Cluster((1, 34)))]
    assert response["auditAnnotations"] == {"outcome": "injected", "profile": "proxy-env"}
    assert "patch" in response
    assert tried.refused == []
    assert tried.tally.counted("injector_admissions", "injected") == 1


def test_a_refusal_is_a_warning_and_told() -> None:
    tried = Tried(Outcome(reason=Reason.UID_CLASH, message="uid 1338 is taken", warnings=("hostPID",)))

    response = tried.response()

    assert response["allowed"] is True
    assert response["warnings"] == ["tokmeter: no sidecar: uid 1338 is taken", "tokmeter: hostPID"]
    assert [each.namespace for each in tried.refused] == ["shop"]


def test_a_refusal_of_a_dry_run_is_not_told() -> None:
    tried = Tried(Outcome(reason=Reason.UID_CLASH, message="uid 1338 is taken"))

    assert "warnings" in tried.response(dryRun=True)
    assert tried.refused == []


def test_who_asked_for_nothing_hears_nothing() -> None:
    for reason in (Reason.NOT_REQUESTED, Reason.DISABLED, Reason.UNCHANGED):
        tried = Tried(Outcome(reason=reason, message="no"))

        assert "warnings" not in tried.response()
        assert tried.refused == []


def test_a_defect_admits_and_tells_no_more_than_its_kind() -> None:
    tried = Tried(KeyError("secret of a pod"))

    response = tried.response()

    assert response["allowed"] is True
    assert "secret" not in json.dumps(response)
    assert tried.tally.counted("injector_admissions", "failed") == 1


def test_durations_are_those_of_answered_reviews() -> None:
    tried = Tried(Outcome(reason=Reason.INJECTED, message=""))
    tried.response()
    tried.response(operation="UPDATE")
    assert tried.admission.answer(b"{").status == 400

    rows = tried.tally.series()["injector_admission_duration_ns"].rows  # type: ignore[union-attr]
    assert [count for _, _, _, count in rows] == [2]
