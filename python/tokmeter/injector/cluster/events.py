"""Events that tell owners why a pod has no sidecar: `kubectl describe replicaset` shows them.

Owns who is told, how often, and what is lost. An event is about what made the pod, because the pod itself has no uid
when it is admitted, and often no name; a pod that nothing made is named as far as it has a name. Nothing waits for an
event: they are queued, and lost with a count when there are too many.
"""

import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tokmeter.errors import TokmeterError
from tokmeter.injector import limits
from tokmeter.injector.admission import Refusal
from tokmeter.injector.cluster.client import Api, part

REASON = "SidecarNotInjected"
COMPONENT = "tokmeter-injector"


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told to whom."""

    namespace: str
    about: Mapping[str, str]
    message: str
    word: str
    """The reason: one owner is told of each once in a while."""

    @property
    def key(self) -> tuple[str, ...]:
        """Owner and reason: told once in a while."""
        return (
            self.namespace,
            self.about.get("kind", ""),
            self.about.get("uid") or self.about.get("name", ""),
            self.word,
        )


def notice(refusal: Refusal) -> Notice:
    """What to tell the owner of a refused pod."""
    word = refusal.outcome.reason.value
    message = f"a pod has no tokmeter sidecar ({word}): {refusal.outcome.message}"
    return Notice(
        refusal.namespace, _about(refusal.metadata, refusal.namespace), message[: limits.EVENT_CHARS_MAX], word
    )


class Events:
    """A bounded queue and the thread that empties it."""

    def __init__(
        self,
        api: Api,
        *,
        dropped: Callable[[str], None],
        clock: Callable[[], float],
        now_ns: Callable[[], int],
    ) -> None:
        """`dropped` is called with a reason; `clock` is monotonic, in seconds."""
        self._api = api
        self._dropped = dropped
        self._clock = clock
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self._told: OrderedDict[tuple[str, ...], float] = OrderedDict()
        self._allowance = limits.EVENTS_BURST
        self._counted_s = clock()
        self._queue: queue.Queue[Notice | None] = queue.Queue(limits.EVENTS_QUEUED_MAX)
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Writes events until stopped."""
        self._thread = threading.Thread(target=self._write, name="tokmeter-events", daemon=True)
        self._thread.start()

    def stop(self, patience_s: float) -> None:
        """Writes what is queued, for up to `patience_s`."""
        thread, self._thread = self._thread, None
        if thread is not None:
            try:
                self._queue.put(None, timeout=patience_s)
            except queue.Full:
                return
            thread.join(patience_s)

    def refused(self, refusal: Refusal) -> None:
        """Queues an event; returns at once."""
        told = notice(refusal)
        if not told.about.get("name"):
            return
        reason = self._admitted(told)
        if reason is None:
            try:
                self._queue.put_nowait(told)
            except queue.Full:
                reason = "queue_full"
        if reason:
            self._dropped(reason)

    def _admitted(self, told: Notice) -> str | None:
        """None when it may go; else why not, empty when its owner knows it already."""
        now = self._clock()
        with self._lock:
            last = self._told.get(told.key)
            if last is not None and now - last < limits.EVENT_REPEAT_S:
                return ""
            grown = self._allowance + (now - self._counted_s) * limits.EVENTS_PER_S
            self._allowance, self._counted_s = min(grown, limits.EVENTS_BURST), now
            if self._allowance < 1:
                return "rate"
            self._allowance -= 1
            self._told[told.key] = now
            self._told.move_to_end(told.key)
            if len(self._told) > limits.EVENTS_REMEMBERED_MAX:
                self._told.popitem(last=False)
        return None

    def _write(self) -> None:
        while (told := self._queue.get()) is not None:
            path = f"/api/v1/namespaces/{part(told.namespace)}/events"
            try:
                self._api.send("POST", path, event(told, self._now_ns()))
            except TokmeterError:
                self._dropped("failed")


def event(told: Notice, now_ns: int) -> dict[str, object]:
    """The object that the API server takes."""
    instant = datetime.fromtimestamp(now_ns // 10**9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        # A name has up to 253 characters; what is named after the owner is found beside it in a list.
        "metadata": {"name": f"{told.about['name'][:200]}.{now_ns:x}", "namespace": told.namespace},
        "involvedObject": dict(told.about),
        "type": "Warning",
        "reason": REASON,
        "message": told.message,
        "count": 1,
        "firstTimestamp": instant,
        "lastTimestamp": instant,
        "source": {"component": COMPONENT},
    }


def _about(metadata: Mapping[str, Any], namespace: str) -> dict[str, str]:
    """What made the pod, else the pod."""
    owners = metadata.get("ownerReferences")
    known = [owner for owner in owners if isinstance(owner, dict)] if isinstance(owners, list) else []
    for owner in sorted(known, key=lambda each: each.get("controller") is not True):
        names = ("apiVersion", "kind", "name", "uid")
        about = {name: owner[name] for name in names if isinstance(owner.get(name), str)}
        if len(about) == len(names):
            return {**about, "namespace": namespace}
    name = metadata.get("name") or metadata.get("generateName")
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "namespace": namespace,
        "name": name.rstrip("-.") if isinstance(name, str) else "",
    }
