"""What an API server does around a mutating webhook when a pod is created, in one process.

It selects webhooks by rules and labels, sends reviews over TLS that it verifies with the caBundle, keeps time-outs and
failure policies, applies patches, and calls again where a later plugin changed the pod. Not here: authorisation,
validation, quotas; schemas are checked by the tests that mean to.
"""

from __future__ import annotations

import base64
import json
import ssl
import threading
import uuid
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from socket import create_connection
from typing import Any

import jsonpatch
from tests.kubernetes.admission.endpoints import Endpoints

type Pod = dict[str, Any]
type Plugin = Callable[[Pod], Pod]
"""Another mutating plugin, such as somebody else's injector."""


class RejectedError(Exception):
    """The pod was not admitted."""


class CallError(Exception):
    """The webhook did not answer as it must."""


@dataclass
class Admitted:
    """A pod as it would be stored."""

    pod: Pod
    warnings: list[str] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)
    ignored: list[str] = field(default_factory=list)
    """Failed calls that a failure policy passed over."""
    calls: int = 0


class ApiServer:
    """Admission of one cluster."""

    def __init__(self, cluster: Endpoints, services: dict[tuple[str, str], tuple[str, int]]) -> None:
        """`services` gives the address behind each namespace and name."""
        self._cluster = cluster
        self._services = services
        self._kept = threading.local()

    def create(
        self, pod: Pod, namespace: str, *, dry_run: bool = False, after: Plugin | None = None, operation: str = "CREATE"
    ) -> Admitted:
        """Sends `pod` through the webhooks, then `after`, then again through those that it changed something for."""
        admitted = Admitted(deepcopy(pod))
        webhooks = [
            webhook
            for configuration in list(self._cluster.webhooks.values())
            for webhook in configuration["webhooks"]
            if self._selected(webhook, namespace, pod, operation)
        ]
        for webhook in webhooks:
            self._pass(webhook, admitted, namespace, operation, dry_run=dry_run)
        if after is not None:
            changed = after(deepcopy(admitted.pod))
            if changed != admitted.pod:
                admitted.pod = changed
                for webhook in webhooks:
                    if webhook.get("reinvocationPolicy", "Never") == "IfNeeded":
                        self._pass(webhook, admitted, namespace, operation, dry_run=dry_run)
        return admitted

    def _selected(self, webhook: Mapping[str, Any], namespace: str, pod: Pod, operation: str) -> bool:
        known = self._cluster.namespaces[namespace]["metadata"]["labels"]
        labels = pod.get("metadata", {}).get("labels") or {}
        return (
            any(
                operation in rule["operations"] and "pods" in rule["resources"] and "" in rule["apiGroups"]
                for rule in webhook["rules"]
            )
            and _matches(webhook.get("namespaceSelector") or {}, known)
            and _matches(webhook.get("objectSelector") or {}, labels)
        )

    def _pass(
        self, webhook: Mapping[str, Any], admitted: Admitted, namespace: str, operation: str, *, dry_run: bool
    ) -> None:
        admitted.calls += 1
        try:
            response = self._called(webhook, admitted.pod, namespace, operation, dry_run=dry_run)
        except CallError as error:
            if webhook.get("failurePolicy", "Fail") == "Fail":
                raise RejectedError(f"failed calling webhook {webhook['name']!r}: {error}") from error
            admitted.ignored.append(str(error))
            return
        admitted.warnings += response.get("warnings") or []
        for key, text in (response.get("auditAnnotations") or {}).items():
            admitted.annotations[f"{webhook['name']}/{key}"] = text
        if not response["allowed"]:
            raise RejectedError(response.get("status", {}).get("message", "denied"))
        if "patch" in response:
            patch = json.loads(base64.b64decode(response["patch"], validate=True))
            admitted.pod = jsonpatch.apply_patch(admitted.pod, patch)

    def _called(
        self, webhook: Mapping[str, Any], pod: Pod, namespace: str, operation: str, *, dry_run: bool
    ) -> dict[str, Any]:
        asked = review(pod, namespace, operation=operation, dry_run=dry_run)
        try:
            status, body = self._posted(webhook, json.dumps(asked).encode())
        except (OSError, HTTPException) as error:
            raise CallError(f"{type(error).__name__}: {error}") from error
        if status != 200:
            raise CallError(f"status {status}: {body[:200].decode(errors='replace')}")
        return checked(json.loads(body), asked["request"]["uid"])

    def _posted(self, webhook: Mapping[str, Any], body: bytes) -> tuple[int, bytes]:
        """Over the kept connection of this thread, and over a new one where there is none, or it went away."""
        kept: dict[str, HTTPConnection] = self._kept.__dict__.setdefault("connections", {})
        key = json.dumps(webhook["clientConfig"], sort_keys=True)
        path = webhook["clientConfig"]["service"].get("path", "/")
        for again in (key in kept, False):
            connection = kept.get(key) or self._connected(webhook)
            kept[key] = connection
            try:
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                content = response.read()
            except (OSError, HTTPException):
                kept.pop(key).close()
                # As Go's transport: a kept connection that ended before any answer is no failed call.
                if again:
                    continue
                raise
            if response.will_close:
                kept.pop(key).close()
            return response.status, content
        raise AssertionError

    def _connected(self, webhook: Mapping[str, Any]) -> HTTPConnection:
        client = webhook["clientConfig"]
        service = client["service"]
        context = ssl.create_default_context(cadata=base64.b64decode(client["caBundle"]).decode())
        timeout = webhook.get("timeoutSeconds", 10)
        plain = create_connection(self._services[service["namespace"], service["name"]], timeout)
        host = f"{service['name']}.{service['namespace']}.svc"
        connection = HTTPConnection(host, timeout=timeout)
        try:
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        return connection

    def close(self) -> None:
        """Of this thread."""
        for connection in self._kept.__dict__.pop("connections", {}).values():
            connection.close()


def review(pod: object, namespace: str, *, operation: str = "CREATE", dry_run: bool = False) -> dict[str, Any]:
    """The review of `pod`, as an API server of 1.34 writes it."""
    metadata = pod.get("metadata", {}) if isinstance(pod, dict) else {}
    kind = {"group": "", "version": "v1", "kind": "Pod"}
    resource = {"group": "", "version": "v1", "resource": "pods"}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": str(uuid.uuid4()),
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "name": metadata.get("name", ""),
            "namespace": namespace,
            "operation": operation,
            "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
            "object": None if operation == "DELETE" else pod,
            "oldObject": None if operation == "CREATE" else pod,
            "dryRun": dry_run,
            "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
        },
    }


def checked(answer: dict[str, Any], uid: str) -> dict[str, Any]:
    """The response, held to what an API server holds it to. Raises `CallError`."""
    response = answer.get("response")
    if answer.get("apiVersion") != "admission.k8s.io/v1" or answer.get("kind") != "AdmissionReview":
        raise CallError("the answer is of another kind")
    if not isinstance(response, dict) or response.get("uid") != uid:
        raise CallError("the answer is not to this review")
    if ("patch" in response) != ("patchType" in response) or response.get("patchType", "JSONPatch") != "JSONPatch":
        raise CallError("a patch without its type")
    assert not set(answer) - {"apiVersion", "kind", "response"}
    assert not set(response) - {"uid", "allowed", "patch", "patchType", "warnings", "auditAnnotations", "status"}
    return response


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    for key, wanted in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != wanted:
            return False
    for expression in selector.get("matchExpressions") or ():
        key, values = expression["key"], expression.get("values") or ()
        matched = {
            "In": labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not matched[expression["operator"]]:
            return False
    return True
