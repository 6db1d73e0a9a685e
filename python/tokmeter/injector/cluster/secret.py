"""The Secret in which replicas share the injector's authorities, and the bundle in the webhook's configuration."""

import base64
import binascii
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from tokmeter.errors import TokmeterError
from tokmeter.injector import limits
from tokmeter.injector.certificates.authority import Authority, read_authority
from tokmeter.injector.cluster.client import JSON_PATCH, Api, ClusterError, part

_SUFFIX = ".pem"
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"


class ClusterShared:
    """What replicas have in common, in the cluster. Not for several threads."""

    def __init__(self, api: Api, *, namespace: str, secret: str, service: str, webhook_configuration: str) -> None:
        self._api = api
        self._namespace = namespace
        self._secret = secret
        self._service = service
        self._configuration = f"{_WEBHOOKS}/{part(webhook_configuration)}"
        self._secrets = f"/api/v1/namespaces/{part(namespace)}/secrets"
        self._version: str | None = None

    def authorities(self) -> list[Authority]:
        """Those in the Secret; none when there is no Secret. Raises `TokmeterError`."""
        try:
            found = self._api.get(f"{self._secrets}/{part(self._secret)}")
        except ClusterError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            self._version = None
            return []
        self._version = str(found["metadata"]["resourceVersion"])
        where = f"Secret {self._namespace}/{self._secret}"
        return [
            read_authority(_plain(content, f"{where}, key {name}"), f"{where}, key {name}")
            for name, content in sorted((found.get("data") or {}).items())
            if name.endswith(_SUFFIX)
        ]

    def keep(self, authorities: Sequence[Authority]) -> bool:
        """Writes them; False when another replica wrote since they were read. Raises `ClusterError`."""
        metadata: dict[str, object] = {
            "name": self._secret,
            "namespace": self._namespace,
            "labels": {"app.kubernetes.io/name": "tokmeter", "app.kubernetes.io/component": "injector"},
        }
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": metadata,
            "data": {f"{each.name}{_SUFFIX}": base64.b64encode(each.pem).decode("ascii") for each in authorities},
        }
        try:
            if self._version is None:
                self._api.send("POST", self._secrets, body)
            else:
                metadata["resourceVersion"] = self._version
                self._api.send("PUT", f"{self._secrets}/{part(self._secret)}", body)
        except ClusterError as error:
            # 409 for one that is there already, for one that changed, and 404 for one that went.
            if error.status in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
                return False
            raise
        return True

    def trust(self, wanted: Callable[[bytes], bytes]) -> bytes:
        """Sets the bundle of each webhook that calls our service to what `wanted` makes of it; what they have in common then."""
        for _ in range(limits.CONFLICTS_MAX):
            configuration = self._api.get(self._configuration)
            bundles = self._bundles(configuration)
            if not bundles:
                raise TokmeterError(
                    "no webhook calls this injector",
                    where=self._configuration,
                    hint="see that clientConfig.service names what --service and --namespace say",
                )
            changed = [(place, bundle) for place, there in bundles if (bundle := wanted(there)) != there]
            if not changed:
                # The first is as good as any: each has all of ours, and what it has beside does not sign.
                return bundles[0][1]
            if self._patched(configuration, changed):
                continue
        raise TokmeterError(
            "the bundle of the webhook could not be written: others write it all the time",
            where=self._configuration,
            hint="cert-manager or another tool may keep it: give its certificate with --tls-cert and --tls-key",
        )

    def _patched(self, configuration: Any, changed: Sequence[tuple[int, bytes]]) -> bool:
        """Whether to look again: always, so that what is returned was read and not only written."""
        patch: list[dict[str, object]] = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": configuration["metadata"]["resourceVersion"]}
        ]
        for place, bundle in changed:
            value = base64.b64encode(bundle).decode("ascii")
            patch.append({"op": "add", "path": f"/webhooks/{place}/clientConfig/caBundle", "value": value})
        try:
            self._api.send("PATCH", self._configuration, patch, JSON_PATCH)
        except ClusterError as error:
            # A failed test of the version is "unprocessable".
            if error.status not in {HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}:
                raise
        return True

    def _bundles(self, configuration: Any) -> list[tuple[int, bytes]]:
        """Place and bundle of each of our webhooks."""
        found = []
        for place, webhook in enumerate(configuration.get("webhooks") or ()):
            client = webhook.get("clientConfig") or {}
            service = client.get("service") or {}
            if service.get("name") == self._service and service.get("namespace") == self._namespace:
                found.append((place, _decoded(client.get("caBundle") or "")))
        return found


def _plain(content: object, where: str) -> bytes:
    try:
        return base64.b64decode(str(content), validate=True)
    except (binascii.Error, ValueError):
        return read_authority(b"", where).pem  # raises, with the words for it


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        return b""
