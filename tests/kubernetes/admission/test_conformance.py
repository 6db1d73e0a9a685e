"""Whatever an API server asks is answered as it must be, through TLS, with the sidecar in the pod or a reason."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPSConnection
from typing import Any
from urllib.request import urlopen

import pytest
from tests.kubernetes.admission.api_server import ApiServer, checked, review
from tests.kubernetes.admission.endpoints import Endpoints
from tests.kubernetes.admission.injected import CONFIGURATION, ENABLED, PLACE, pod

from tokmeter.injector import Running
from tokmeter.injector.limits import REVIEW_BYTES_MAX

NAMES = {"tokmeter", "tokmeter-init"}


class Caller:
    """One kept connection to the webhook."""

    def __init__(self, endpoints: Endpoints, started: Running) -> None:
        context = ssl.create_default_context(cadata=endpoints.bundle(CONFIGURATION).decode())
        context.check_hostname = False  # the harness calls an address; ApiServer verifies the name
        self._connection = HTTPSConnection(*started.listen, context=context, timeout=30)

    def post(self, body: bytes, path: str = "/mutate") -> tuple[int, bytes]:
        self._connection.request("POST", path, body, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        return response.status, response.read()

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def caller(endpoints: Endpoints, started: Running) -> Iterator[Caller]:
    with closing(Caller(endpoints, started)) as made:
        yield made


def containers(admitted: dict[str, Any]) -> list[str]:
    spec = admitted["spec"]
    return [each["name"] for each in (*spec.get("initContainers", ()), *spec["containers"])]


def scraped(started: Running) -> str:
    host, port = started.metrics
    with urlopen(f"http://{host}:{port}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


def test_a_pod_of_a_labelled_namespace_gets_its_sidecar(server: ApiServer, started: Running) -> None:
    admitted = server.create(pod(), "shop")

    assert containers(admitted.pod)[-1] == "app"
    assert NAMES & set(containers(admitted.pod))
    assert admitted.annotations["namespace.injector.tokmeter.io/outcome"] == "injected"
    assert 'tokmeter_injector_admissions_total{outcome="injected"} 1.0' in scraped(started)


def test_a_pod_may_ask_for_itself(server: ApiServer) -> None:
    asked = pod()
    asked["metadata"]["labels"] |= ENABLED

    assert NAMES & set(containers(server.create(asked, "plain").pod))


def test_who_asks_for_nothing_is_not_even_sent_here(server: ApiServer) -> None:
    assert server.create(pod(), "plain").calls == 0


@pytest.mark.parametrize(
    ("spec", "metadata", "outcome"),
    [
        ({"hostNetwork": True}, {}, "host_network"),
        ({"containers": [{"name": "a", "image": "a", "securityContext": {"runAsUser": 1338}}]}, {}, "uid_clash"),
        ({"os": {"name": "windows"}}, {}, "windows"),
        ({}, {"annotations": {"kubernetes.io/config.mirror": "0123"}}, "mirror_pod"),
        ({"containers": [{"name": "tokmeter", "image": "a"}]}, {}, "name_taken"),
        ({}, {"annotations": {"tokmeter.io/budget": "large"}}, "budget_not_allowed"),
        ({}, {"annotations": {"tokmeter.io/mode": "sideways"}}, "invalid_annotation"),
    ],
)
def test_a_refused_pod_is_admitted_as_it_is_and_its_owner_told(
    server: ApiServer,
    endpoints: Endpoints,
    spec: dict[str, object],
    metadata: dict[str, object],
    outcome: str,
) -> None:
    refused = pod(**spec)
    refused["metadata"] |= metadata

    admitted = server.create(refused, "shop")

    assert admitted.pod == refused
    assert admitted.annotations["namespace.injector.tokmeter.io/outcome"] == outcome
    assert admitted.warnings[0].startswith("tokmeter: no sidecar: ")
    endpoints.wait(lambda: bool(endpoints.events))
    told = endpoints.events[0]
    assert told["involvedObject"]["kind"] == "ReplicaSet"
    assert told["involvedObject"]["uid"] == refused["metadata"]["ownerReferences"][0]["uid"]
    assert (told["type"], told["reason"]) == ("Warning", "SidecarNotInjected")
    assert f"({outcome})" in told["message"]


def test_a_dry_run_is_answered_alike_and_leaves_nothing_behind(
    server: ApiServer, endpoints: Endpoints, started: Running
) -> None:
    refused = server.create(pod(hostNetwork=True), "shop", dry_run=True)
    real = server.create(pod(hostNetwork=True), "shop")
    endpoints.wait(lambda: bool(endpoints.events))

    assert refused.warnings == real.warnings
    assert len(endpoints.events) == 1
    dry, wet = (server.create(pod(), "shop", dry_run=dry).pod for dry in (True, False))
    assert dry == wet


def test_an_owner_is_told_once(server: ApiServer, endpoints: Endpoints, started: Running) -> None:
    for _ in range(5):
        server.create(pod(hostNetwork=True), "shop")
    server.create(pod(os={"name": "windows"}), "shop")
    endpoints.wait(lambda: len(endpoints.events) == 2)

    assert ["host_network" in each["message"] for each in endpoints.events] == [True, False]


def test_a_pod_that_nothing_made_is_told_of_by_its_name(server: ApiServer, endpoints: Endpoints) -> None:
    alone = pod(hostNetwork=True)
    alone["metadata"] = {"name": "alone"}

    server.create(alone, "shop")

    endpoints.wait(lambda: bool(endpoints.events))
    assert endpoints.events[0]["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "alone",
        "namespace": "shop",
    }


@pytest.mark.parametrize("operation", ["UPDATE", "DELETE", "CONNECT"])
def test_other_operations_are_allowed_as_they_are(caller: Caller, operation: str) -> None:
    asked = review(pod(), "shop", operation=operation)

    status, body = caller.post(json.dumps(asked).encode())

    assert status == 200
    assert checked(json.loads(body), asked["request"]["uid"]) == {"uid": asked["request"]["uid"], "allowed": True}


@pytest.mark.parametrize(
    "change",
    [{"subResource": "ephemeralcontainers"}, {"kind": {"group": "apps", "version": "v1", "kind": "Deployment"}}],
)
def test_other_objects_are_allowed_as_they_are(caller: Caller, change: dict[str, object]) -> None:
    asked = review(pod(), "shop")
    asked["request"] |= change

    status, body = caller.post(json.dumps(asked).encode())

    assert (status, json.loads(body)["response"]) == (200, {"uid": asked["request"]["uid"], "allowed": True})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 200_000,
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}',
        b'{"apiVersion":"admission.k8s.io/v1beta1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE"}}',
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"","operation":"CREATE"}}',
        json.dumps(review(["no pod"], "shop")).encode(),
        json.dumps(review(None, "shop")).encode(),
        json.dumps(review(pod(), "shop")).encode().replace(b'"app"', b"[" * 100_000 + b"]" * 100_000),
    ],
    ids=range(12),
)
def test_what_is_no_review_is_answered_with_one_sentence(caller: Caller, started: Running, body: bytes) -> None:
    status, answer = caller.post(body)

    assert status == 400
    assert answer.decode().count("\n") == 1
    assert started.tally.counted("injector_admissions", "unreadable") == 1
    # The connection is as good as before.
    assert caller.post(json.dumps(review(pod(), "shop")).encode())[0] == 200


@pytest.mark.parametrize("spec", [None, 7, [], {"containers": 7}, {"containers": [None]}, {"containers": []}])
def test_a_malformed_pod_is_for_the_api_server_to_refuse(caller: Caller, spec: object) -> None:
    asked = review({**pod(), "spec": spec}, "shop")

    status, body = caller.post(json.dumps(asked).encode())

    assert status == 200
    response = checked(json.loads(body), asked["request"]["uid"])
    assert response["allowed"] is True
    assert "patch" not in response


def test_three_megabytes_are_a_pod_like_any_other(server: ApiServer) -> None:
    large = pod()
    large["metadata"]["annotations"] = {"example.com/large": "ä" * (3 << 19)}

    admitted = server.create(large, "shop")

    assert NAMES & set(containers(admitted.pod))
    assert admitted.pod["metadata"]["annotations"]["example.com/large"] == "ä" * (3 << 19)


def test_a_body_beyond_the_bound_is_not_read(caller: Caller) -> None:
    with pytest.raises(OSError) as broken:  # noqa: PT012 - the answer may come before the rest is sent
        status, _ = caller.post(b" " * (REVIEW_BYTES_MAX + 1))
        raise OSError(status)

    assert broken.value.args[0] == 413 or isinstance(broken.value, ConnectionError | ssl.SSLError)


def test_containers_that_come_later_are_completed_by_a_second_call(server: ApiServer) -> None:
    def late(given: dict[str, Any]) -> dict[str, Any]:
        given["spec"]["containers"].append({"name": "late", "image": "registry.example/late:1"})
        return given

    admitted = server.create(pod(), "shop", after=late)

    assert admitted.calls == 2
    names = {each["name"]: each for each in admitted.pod["spec"]["containers"]}
    ours = {each["name"] for each in names["late"]["env"]}
    assert {"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} <= ours
    assert containers(admitted.pod).count("tokmeter") == 1


def test_a_second_call_with_nothing_new_changes_nothing(server: ApiServer) -> None:
    once = server.create(pod(), "shop").pod

    assert server.create(once, "shop").pod == once


def test_what_the_application_set_is_kept_and_warned_of(server: ApiServer) -> None:
    preset = {"name": "SSL_CERT_FILE", "value": "/own.pem"}
    own = pod(containers=[{"name": "app", "image": "a", "env": [preset]}])

    admitted = server.create(own, "shop")

    app = next(each for each in admitted.pod["spec"]["containers"] if each["name"] == "app")
    assert [each for each in app["env"] if each["name"] == "SSL_CERT_FILE"] == [preset]
    assert any("SSL_CERT_FILE" in warning for warning in admitted.warnings)


def test_warnings_are_what_a_header_may_hold(caller: Caller) -> None:
    asked = review(pod(), "shop")
    asked["request"]["object"]["metadata"]["annotations"] = {"tokmeter.io/mode": "a\r\nWarning: 299" + "x" * 5000}

    response = checked(json.loads(caller.post(json.dumps(asked).encode())[1]), asked["request"]["uid"])

    assert all(len(warning) <= 256 and warning.isprintable() for warning in response["warnings"])


def test_a_namespace_that_nobody_knows_is_counted(caller: Caller, started: Running) -> None:
    asked = review(pod(), "never-made")

    status, body = caller.post(json.dumps(asked).encode())

    assert status == 200
    assert json.loads(body)["response"]["auditAnnotations"] == {"outcome": "not_requested"}
    assert started.tally.counted("injector_unknown_namespaces") == 1


def test_another_path_is_not_served(caller: Caller) -> None:
    assert caller.post(b"{}", "/")[0] == 404


def test_the_place_is_what_the_certificate_says() -> None:
    assert PLACE.host == "tokmeter-injector.tokmeter-system.svc"
