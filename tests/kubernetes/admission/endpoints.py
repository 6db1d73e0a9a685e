"""The few endpoints of an API server that the injector uses, over real HTTP, so that the real client runs.

Owns objects with resource versions, watches, and what was asked. Refuses what was not foreseen with 404, so that a new
request of the injector's is noticed.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jsonpatch
import yaml

PATIENCE_S = 30.0
_NAMESPACES = "/api/v1/namespaces"
_SECRETS = re.compile(r"/api/v1/namespaces/([^/]+)/secrets(?:/([^/]+))?")
_EVENTS = re.compile(r"/api/v1/namespaces/([^/]+)/events")
_ABSENT = (404, {"kind": "Status", "code": 404})
_WEBHOOKS = re.compile(r"/apis/admissionregistration\.k8s\.io/v1/mutatingwebhookconfigurations/([^/]+)")


class Endpoints:
    """State of a cluster and the server that shows it."""

    def __init__(self, minor: str = "34") -> None:
        self.minor = minor
        self.changed = threading.Condition()
        self.version = 1
        self.namespaces: dict[str, dict[str, Any]] = {}
        self.secrets: dict[tuple[str, str], dict[str, Any]] = {}
        self.webhooks: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.asked: set[tuple[str, str]] = set()
        """Verb and resource, as roles name them."""
        self.refuse: Callable[[str, str], int | None] = lambda _method, _path: None
        """Status to answer a method and path with; None to serve it."""
        self.before_write: Callable[[str, str], None] = lambda _method, _path: None
        """Called before a write is looked at: another replica may be quicker."""
        self._history: list[tuple[int, str, dict[str, Any]]] = []
        self._compacted = 0
        self._watches = 0
        """Watches of an earlier number end."""

    def namespace(self, name: str, labels: dict[str, str] | None = None, **annotations: str) -> None:
        """Creates or changes one."""
        metadata = {"name": name, "labels": {"kubernetes.io/metadata.name": name, **(labels or {})}}
        metadata["annotations"] = {key.replace("__", "/").replace("_", "-"): text for key, text in annotations.items()}
        with self.changed:
            kind = "MODIFIED" if name in self.namespaces else "ADDED"
            self.namespaces[name] = self._stamped({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
            self._history.append((self.version, kind, self.namespaces[name]))
            self.changed.notify_all()

    def delete_namespace(self, name: str) -> None:
        with self.changed:
            gone = self._stamped(self.namespaces.pop(name))
            self._history.append((self.version, "DELETED", gone))
            self.changed.notify_all()

    def webhook(self, name: str, *webhooks: dict[str, Any]) -> None:
        """Creates a MutatingWebhookConfiguration."""
        self.webhooks[name] = self._stamped(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": name},
                "webhooks": list(webhooks),
            }
        )

    def bundle(self, name: str, place: int = 0) -> bytes:
        return base64.b64decode(self.webhooks[name]["webhooks"][place]["clientConfig"].get("caBundle", ""))

    def compact(self) -> None:
        """Forgets what was, and ends watches, which cannot go on from where they were."""
        with self.changed:
            self.version += 1
            self._compacted = self.version
            self._history.clear()
            self._watches += 1
            self.changed.notify_all()

    def end_watches(self) -> None:
        with self.changed:
            self._watches += 1
            self.changed.notify_all()

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until something that was asked for made `condition` true."""
        with self.changed:
            assert self.changed.wait_for(condition, PATIENCE_S), "it never came to be"

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The address."""
        server = _Server(("127.0.0.1", 0), _Handler)
        server.endpoints = self
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            self.end_watches()
            server.shutdown()
            server.server_close()
            thread.join()

    def _stamped(self, item: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        return {**item, "metadata": {**item["metadata"], "resourceVersion": str(self.version)}}

    def stamped(self, item: dict[str, Any]) -> dict[str, Any]:
        with self.changed:
            return self._stamped(item)

    def watched(self, since: int) -> Iterator[dict[str, Any]]:
        """What happened after `since`, as it happens."""
        with self.changed:
            number = self._watches
            if since < self._compacted:
                yield {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}
                return
        while True:
            with self.changed:
                if number != self._watches:
                    return
                news = [each for each in self._history if each[0] > since]
                if not news:
                    self.changed.wait(PATIENCE_S)
                    continue
            for version, kind, item in news:
                since = version
                yield {"type": kind, "object": item}
            yield {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": str(since)}}}


def kubeconfig(address: str, path: Path) -> Path:
    """A file that leads to `address`."""
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{"name": "test", "cluster": {"server": address}}],
                "users": [{"name": "test", "user": {"token": "synthetic"}}],
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    return path


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    endpoints: Endpoints


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_PATCH(self) -> None:
        self._serve("PATCH")

    def log_message(self, *_: object) -> None:
        pass

    def _serve(self, method: str) -> None:
        given = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(given) if given else None
        split = urlsplit(self.path)
        cluster = self.server.endpoints
        if self.headers.get("Authorization") != "Bearer synthetic":
            self._answer(401, {"kind": "Status", "code": 401})
            return
        refused = cluster.refuse(method, split.path)
        if refused is not None:
            self._answer(refused, {"kind": "Status", "code": refused})
            return
        if method != "GET":
            cluster.before_write(method, split.path)
        query = {key: values[0] for key, values in parse_qs(split.query).items()}
        if split.path == _NAMESPACES and query.get("watch") == "true":
            cluster.asked.add(("watch", "namespaces"))
            self._watch(int(query["resourceVersion"]))
            return
        status, answer = self._routed(cluster, method, split.path, body)
        self._answer(status, answer)
        with cluster.changed:
            cluster.changed.notify_all()

    def _routed(self, cluster: Endpoints, method: str, path: str, body: Any) -> tuple[int, Any]:
        if (method, path) == ("GET", "/version"):
            return 200, {"major": "1", "minor": cluster.minor, "gitVersion": f"v1.{cluster.minor}.0"}
        if (found := _SECRETS.fullmatch(path)) is not None:
            return self._secret(cluster, method, found[1], found[2], body)
        if (found := _EVENTS.fullmatch(path)) is not None and method == "POST":
            return self._event(cluster, found[1], body)
        if (found := _WEBHOOKS.fullmatch(path)) is not None and found[1] in cluster.webhooks:
            return self._webhook(cluster, method, found[1], body)
        return self._namespace(cluster, path.removeprefix(_NAMESPACES)) if method == "GET" else _ABSENT

    def _namespace(self, cluster: Endpoints, rest: str) -> tuple[int, Any]:
        if not rest:
            cluster.asked.add(("list", "namespaces"))
            with cluster.changed:
                items = list(cluster.namespaces.values())
                return 200, {"metadata": {"resourceVersion": str(cluster.version)}, "items": items}
        cluster.asked.add(("get", "namespaces"))
        item = cluster.namespaces.get(rest.removeprefix("/"))
        return (200, item) if item else _ABSENT

    def _event(self, cluster: Endpoints, namespace: str, body: Any) -> tuple[int, Any]:
        cluster.asked.add(("create", "events"))
        if body["involvedObject"].get("namespace") != namespace or len(body["message"]) > 1024:
            return 422, {"kind": "Status", "code": 422}
        cluster.events.append(body)
        return 201, body

    def _secret(self, cluster: Endpoints, method: str, namespace: str, name: str | None, body: Any) -> tuple[int, Any]:
        verb = {"GET": "get", "POST": "create", "PUT": "update"}[method]
        cluster.asked.add((verb, "secrets"))
        key = (namespace, name or body["metadata"]["name"])
        there = cluster.secrets.get(key)
        if method == "POST":
            conflict = there is not None
        elif there is None:
            return _ABSENT
        else:
            versions = [each["metadata"].get("resourceVersion") for each in (body or there, there)]
            conflict = versions[0] != versions[1]
        if conflict:
            return 409, {"kind": "Status", "code": 409}
        if method != "GET":
            cluster.secrets[key] = cluster.stamped(body)
        return (201 if method == "POST" else 200), cluster.secrets[key]

    def _webhook(self, cluster: Endpoints, method: str, name: str, body: Any) -> tuple[int, Any]:
        cluster.asked.add((method.lower(), "mutatingwebhookconfigurations"))
        if method == "PATCH":
            assert self.headers["Content-Type"] == "application/json-patch+json"
            try:
                changed = jsonpatch.apply_patch(cluster.webhooks[name], body)
            except jsonpatch.JsonPatchTestFailed:
                return 422, {"kind": "Status", "code": 422}
            cluster.webhooks[name] = cluster.stamped(changed)
        return 200, cluster.webhooks[name]

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _watch(self, since: int) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in self.server.endpoints.watched(since):
            line = json.dumps(event).encode() + b"\n"
            # Two chunks a line: nothing may depend on where they end.
            for piece in (line[:7], line[7:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
