"""Requests to the API server as plain JSON. The official client knows where it is and who we are; nothing more is used.

Owns the import of `kubernetes`, which takes seconds and is an extra, and what its errors mean to people.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

import msgspec

from tokmeter.errors import TokmeterError
from tokmeter.injector import limits

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"


class ClusterError(TokmeterError):
    """The API server cannot be reached, or refuses."""

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None, status: int = 0) -> None:
        """`status` is that of HTTP; 0 when there was no answer."""
        super().__init__(what, where=where, hint=hint)
        self.status = status


class Api:
    """One API server. Safe from any thread."""

    def __init__(self, client: Any) -> None:
        """`client` is a `kubernetes.client.ApiClient`."""
        self._client = client

    @property
    def address(self) -> str:
        """Where it is, for messages."""
        return str(self._client.configuration.host)

    def get(self, path: str, *, within_s: float = limits.REQUEST_S, **query: str) -> Any:
        """What is at `path`. Raises `ClusterError`."""
        return self._decoded(self._call("GET", path, query, None, JSON, within_s), path)

    def send(self, method: str, path: str, body: object, kind: str = JSON) -> Any:
        """What the API server answers to `body`. Raises `ClusterError`."""
        return self._decoded(self._call(method, path, {}, body, kind, limits.REQUEST_S), path)

    @contextmanager
    def watch(self, path: str, stop: Event, **query: str) -> Iterator[Iterator[Any]]:
        """The events of a watch, until the API server ends it or `stop` is set and another comes. Raises `ClusterError`."""
        query |= {"watch": "true", "timeoutSeconds": str(limits.WATCH_S)}
        # The longest silence that is still well: the API server ends the watch itself.
        response = self._call("GET", path, query, None, JSON, limits.WATCH_S + limits.REQUEST_S)
        try:
            yield self._lines(response, path, stop)
        finally:
            response.close()
            with suppress(Exception):
                response.release_conn()

    def close(self) -> None:
        """Gives connections back."""
        with suppress(Exception):
            self._client.close()

    def _lines(self, response: Any, path: str, stop: Event) -> Iterator[Any]:
        rest = b""
        try:
            for piece in response.stream(None, decode_content=True):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    if stop.is_set():
                        return
                    if line.strip():
                        yield msgspec.json.decode(line)
        except msgspec.MsgspecError as error:
            raise ClusterError("the API server sent what is no JSON", where=path) from error
        except Exception as error:  # the client lets through whatever its HTTP library raises
            raise self._unreachable(error) from error

    def _call(self, method: str, path: str, query: Mapping[str, str], body: object, kind: str, within_s: float) -> Any:
        try:
            return self._client.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params={"Accept": JSON, "Content-Type": kind},
                body=body,
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _preload_content=False,
                _request_timeout=within_s,
            )
        except Exception as error:
            status = getattr(error, "status", None)
            if isinstance(status, int) and status > 0:
                raise self._refused(status, method, path) from error
            raise self._unreachable(error) from error

    def _decoded(self, response: Any, path: str) -> Any:
        try:
            return msgspec.json.decode(response.data)
        except msgspec.MsgspecError as error:
            raise ClusterError("the API server sent what is no JSON", where=path) from error

    def _refused(self, status: int, method: str, path: str) -> ClusterError:
        hints = {
            HTTPStatus.UNAUTHORIZED: "see that the service account exists and its token is mounted",
            HTTPStatus.FORBIDDEN: "see the roles of the injector's service account",
            HTTPStatus.NOT_FOUND: "see that the manifests of the injector are installed, and its options name them",
        }
        try:
            phrase = HTTPStatus(status).phrase.lower()
        except ValueError:
            phrase = "another answer"
        hint = hints.get(HTTPStatus(status)) if status in HTTPStatus else None
        return ClusterError(
            f"the API server refuses {method}: {status} {phrase}",
            where=f"{self.address}{path}",
            hint=hint,
            status=status,
        )

    def _unreachable(self, error: Exception) -> ClusterError:
        return ClusterError(
            f"the API server cannot be reached: {_innermost(error)}",
            where=self.address,
            hint="see that the address in the kubeconfig, or the cluster's DNS and network, is right",
        )


def _innermost(error: BaseException) -> str:
    """What happened beneath the layers that wrapped it, and beneath the client's own stumble over an answer that never came."""
    for _ in range(limits.CAUSES_MAX):
        deeper = error.__cause__ or error.__context__
        if deeper is None:
            break
        error = deeper
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def connect(kubeconfig: Path | None) -> Api:
    """The cluster of `kubeconfig`, or the one that this process runs in. Asks nothing yet. Raises `TokmeterError`."""
    try:
        client = import_module("kubernetes.client")
        config = import_module("kubernetes.config")
    except ImportError:
        raise TokmeterError(
            "the client of Kubernetes is not installed", hint="install the extra: pip install 'tokmeter[kubernetes]'"
        ) from None
    configuration = client.Configuration()
    try:
        if kubeconfig is None:
            config.load_incluster_config(client_configuration=configuration)
        else:
            config.load_kube_config(
                config_file=str(kubeconfig), client_configuration=configuration, persist_config=False
            )
    except Exception as error:
        what, where = (
            ("this is not a pod of a cluster", None)
            if kubeconfig is None
            else (
                "the kubeconfig cannot be used",
                str(kubeconfig),
            )
        )
        raise ClusterError(
            what, where=where, hint="name a kubeconfig with --kubeconfig, or run the injector in the cluster"
        ) from error
    configuration.retries = False
    return Api(client.ApiClient(configuration))


def part(name: str) -> str:
    """A name as part of a path: it comes from requests, and must not lead elsewhere."""
    return quote(name, safe="")
