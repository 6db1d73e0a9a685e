"""The namespaces of the cluster with their labels and annotations, followed by a watch.

Owns what is known and how old it is. A namespace that is not known yet is asked for once, because its first pod may be
here before the watch tells of it: without its labels that pod would be left alone in silence.
"""

import threading
from collections.abc import Callable
from time import monotonic
from typing import Any

from tokmeter.errors import TokmeterError
from tokmeter.inject import Namespace
from tokmeter.injector import limits
from tokmeter.injector.cluster.client import Api, ClusterError, part

PATH = "/api/v1/namespaces"
_GONE = 410


class Namespaces:
    """A store and the thread that follows the cluster. Reading is safe from any thread."""

    def __init__(
        self,
        api: Api,
        *,
        unknown: Callable[[], None],
        failed: Callable[[TokmeterError], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`unknown` is called for a namespace that nobody knows, `failed` when the watch broke."""
        self._api = api
        self._unknown = unknown
        self._failed = failed
        self._clock = clock
        self._known: dict[str, Namespace] = {}
        self._heard: float | None = None
        self._stop = threading.Event()
        self.synced = threading.Event()
        """Set once there was a first list."""

    def start(self) -> None:
        """Follows the cluster until stopped."""
        threading.Thread(target=self._follow, name="tokmeter-namespaces", daemon=True).start()

    def stop(self) -> None:
        """Ends at the next event; the thread dies with the process."""
        self._stop.set()

    @property
    def age_s(self) -> float | None:
        """Seconds since the API server last said anything of namespaces; None before it did."""
        return None if self._heard is None else max(0.0, self._clock() - self._heard)

    def get(self, name: str) -> Namespace:
        """What is known; at least the name."""
        known = self._known.get(name)
        if known is not None:
            return known
        try:
            found = read_namespace(self._api.get(f"{PATH}/{part(name)}", within_s=limits.LOOKUP_S)) if name else None
        except TokmeterError:
            found = None
        if found is None:
            self._unknown()
            return Namespace(name)
        self._put(found)
        return found

    def _follow(self) -> None:
        wait_s = limits.RETRY_MIN_S
        while not self._stop.is_set():
            try:
                self.follow_once()
                wait_s = limits.RETRY_MIN_S
            except TokmeterError as error:
                self._failed(error)
                self._stop.wait(wait_s)
                wait_s = min(2 * wait_s, limits.RETRY_MAX_S)

    def follow_once(self) -> None:
        """Lists, and watches from there until the API server ends it for good. Raises `ClusterError`."""
        version: str | None = self._list()
        while version is not None and not self._stop.is_set():
            began = self._clock()
            version = self._watch(version)
            if self._clock() - began < limits.RETRY_MIN_S:
                # An API server that ends watches at once has enough to do.
                self._stop.wait(limits.RETRY_MIN_S)

    def _list(self) -> str:
        listed = _mapping(self._api.get(PATH))
        found = [read_namespace(item) for item in listed.get("items") or ()]
        self._known = {each.name: each for each in found[: limits.NAMESPACES_MAX] if each is not None}
        self._heard = self._clock()
        self.synced.set()
        return _version(listed)

    def _watch(self, version: str) -> str | None:
        """The version to go on from; None when it is too old, and everything must be listed again."""
        with self._api.watch(PATH, self._stop, resourceVersion=version, allowWatchBookmarks="true") as events:
            for event in events:
                kind, item = _mapping(event).get("type"), _mapping(_mapping(event).get("object"))
                self._heard = self._clock()
                if kind == "ERROR":
                    if item.get("code") == _GONE:
                        return None
                    raise ClusterError("the API server ended the watch of namespaces", where=PATH)
                self._heed(kind, item)
                version = _version(item) or version
        # An end in good order: the API server was there a moment ago.
        self._heard = self._clock()
        return version

    def _heed(self, kind: object, item: dict[str, Any]) -> None:
        namespace = read_namespace(item)
        if namespace is None or kind == "BOOKMARK":
            return
        if kind == "DELETED":
            self._known.pop(namespace.name, None)
        else:
            self._put(namespace)

    def _put(self, namespace: Namespace) -> None:
        if namespace.name in self._known or len(self._known) < limits.NAMESPACES_MAX:
            self._known[namespace.name] = namespace


def read_namespace(item: object) -> Namespace | None:
    """The namespace in an object of the API server; None when it is none."""
    metadata = _mapping(_mapping(item).get("metadata"))
    name = metadata.get("name")
    if not isinstance(name, str):
        return None
    return Namespace(name, _texts(metadata.get("labels")), _texts(metadata.get("annotations")))


def _version(item: dict[str, Any]) -> str:
    return str(_mapping(item.get("metadata")).get("resourceVersion") or "")


def _texts(value: object) -> dict[str, str]:
    return {key: text for key, text in _mapping(value).items() if isinstance(text, str)}


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
