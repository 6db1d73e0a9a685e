"""AdmissionReview, read and answered. What an API server makes of it is in tests/kubernetes/admission."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tokmeter.inject import Pod
from tokmeter.injector import review
from tokmeter.injector.limits import WARNING_CHARS_MAX, WARNINGS_MAX
from tokmeter.injector.review import MalformedReviewError


def asked(**request: object) -> bytes:
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    whole = {"uid": "u-1", "operation": "CREATE", "kind": kind, "namespace": "shop", "object": {"spec": {}}, **request}
    return json.dumps({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": whole}).encode()


def test_a_new_pod_is_read() -> None:
    request = review.read(asked(dryRun=True))

    assert (request.uid, request.namespace, request.dry_run, request.pod) == ("u-1", "shop", True, {"spec": {}})


def test_a_new_pod_is_read_into_its_types() -> None:
    owners = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "u-2"}]
    written = {"metadata": {"name": "web", "ownerReferences": owners}, "spec": {"containers": [{"name": "app"}]}}

    request = review.read(asked(object=written))

    assert isinstance(request.pod, Pod)
    assert request.pod.spec.containers[0].name == "app"
    assert request.metadata() == written["metadata"]


@pytest.mark.parametrize("metadata", [None, [], 7])
def test_metadata_that_are_none_name_nobody(metadata: object) -> None:
    assert review.read(asked(object={"metadata": metadata})).metadata() == {}


@pytest.mark.parametrize("where", [b'"app"', b'"read by nobody"'])
def test_what_is_no_text_is_no_review_wherever_it_is(where: bytes) -> None:
    containers = [{"name": "app", "workingDir": "read by nobody"}]
    body = asked(object={"spec": {"containers": containers}})
    assert isinstance(review.read(body).pod, Pod)

    with pytest.raises(MalformedReviewError, match="not UTF-8"):
        review.read(body.replace(where, b'"\xff"'))


def test_the_last_of_two_keys_counts() -> None:
    body = asked(object={"spec": {"containers": [{"name": "app"}]}})

    request = review.read(body.replace(b'"spec"', b'"spec": 7, "spec"'))

    assert request.pod == {"spec": {"containers": [{"name": "app"}]}}


@pytest.mark.parametrize(
    "change",
    [
        {"operation": "UPDATE"},
        {"operation": "DELETE", "object": None},
        {"subResource": "binding"},
        {"kind": {"group": "", "version": "v1", "kind": "Service"}},
        {"kind": {"group": "metrics.k8s.io", "version": "v1", "kind": "Pod"}},
    ],
)
def test_anything_else_has_no_pod(change: dict[str, object]) -> None:
    assert review.read(asked(**change)).pod is None


def test_a_sentence_says_what_is_wrong_and_where() -> None:
    with pytest.raises(MalformedReviewError, match=r"request\.operation"):
        review.read(asked(operation=7))


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_any_bytes_are_a_request_or_a_sentence(body: bytes) -> None:
    with pytest.raises(MalformedReviewError) as error:
        review.read(body)

    assert "\n" not in str(error.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["uid", "operation", "kind", "namespace", "object", "dryRun"]), json_values))
def test_any_request_is_read_or_refused(request: dict[str, object]) -> None:
    try:
        read = review.read(asked(**request))
    except MalformedReviewError:
        return
    assert read.uid


def test_the_answer_carries_the_patch_in_base64() -> None:
    patch = [{"op": "add", "path": "/spec/x", "value": "ä"}]

    answer = json.loads(review.allow("u-1", patch=patch, warnings=["careful"], annotations={"outcome": "injected"}))

    assert (answer["apiVersion"], answer["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    response = answer["response"]
    assert json.loads(base64.b64decode(response.pop("patch"))) == patch
    assert response == {
        "uid": "u-1",
        "allowed": True,
        "patchType": "JSONPatch",
        "warnings": ["careful"],
        "auditAnnotations": {"outcome": "injected"},
    }


def test_nothing_to_say_is_not_said() -> None:
    assert json.loads(review.allow("u-1"))["response"] == {"uid": "u-1", "allowed": True}


def test_warnings_are_bounded_lines() -> None:
    warnings = ["a\nb\x00c", "x" * 1000, *["more"] * 20]

    given = json.loads(review.allow("u-1", warnings=warnings))["response"]["warnings"]

    assert given[0] == "a b c"
    assert len(given[1]) == WARNING_CHARS_MAX
    assert given[1].endswith("...")
    assert len(given) == WARNINGS_MAX
