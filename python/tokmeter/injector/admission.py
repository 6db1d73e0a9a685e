"""One admission: from the body of a review to its answer. Owns what is counted, warned of and told to owners.

A pod that is refused is admitted without the sidecar, with a warning: whether it may then run is for a policy of the
cluster to say, which sees the pod as it is in the end. Refuses to know HTTP.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any

from tokmeter.inject import ASKED_FOR_NOTHING, Cluster, Injection, Namespace, Outcome, Pod, inject
from tokmeter.injector import review
from tokmeter.injector.limits import DECISIONS_MAX
from tokmeter.injector.review import MalformedReviewError, Request
from tokmeter.injector.tally import Tally

LOGGER = logging.getLogger("tokmeter.injector")

OTHER = "other"
"""Counted of what is no new pod."""
UNREADABLE = "unreadable"
"""Counted of what is no review."""
FAILED = "failed"
"""Counted when the injector itself broke."""

type Injector = Callable[[Pod | Mapping[str, Any], Namespace, Injection, Cluster], Outcome]


@dataclass(frozen=True, slots=True)
class Answer:
    """What HTTP is to say."""

    status: int
    kind: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """A pod that somebody wanted a sidecar for and that has none."""

    metadata: Mapping[str, Any]
    """Those of the pod, whatever they hold."""
    namespace: str
    outcome: Outcome


class Admission:
    """Answers reviews. Safe from any thread."""

    def __init__(
        self,
        injection: Injection,
        *,
        namespace: Callable[[str], Namespace],
        cluster: Callable[[], Cluster],
        refused: Callable[[Refusal], None],
        tally: Tally,
        injector: Injector = inject,
    ) -> None:
        """`refused` is told of pods without their sidecar and must return at once."""
        self._injection = injection
        self._namespace = namespace
        self._cluster = cluster
        self._refused = refused
        self._tally = tally
        self._inject = injector
        self._turn = threading.BoundedSemaphore(DECISIONS_MAX)

    def answer(self, body: bytes) -> Answer:
        """The answer to `body`, whatever it is."""
        began = perf_counter_ns()
        try:
            with self._turn:
                request = review.read(body)
            reason, answer = self._answer(request)
        except MalformedReviewError as error:
            self._tally.count("injector_admissions", UNREADABLE)
            return Answer(400, "text/plain; charset=utf-8", f"{error}\n".encode())
        self._tally.count("injector_admissions", reason)
        self._tally.lasted(perf_counter_ns() - began)
        return Answer(200, "application/json", answer)

    def _answer(self, request: Request) -> tuple[str, bytes]:
        if request.pod is None:
            return OTHER, review.allow(request.uid)
        try:
            # Not in turn: it may have to be asked for, and others must not wait for that.
            namespace = self._namespace(request.namespace)
            with self._turn:
                outcome = self._inject(request.pod, namespace, self._injection, self._cluster())
                return outcome.reason.value, self._told(request, outcome)
        except Exception as error:  # noqa: BLE001 - a defect of ours must not keep a pod from starting
            # Only the type: a message could hold what is in the pod.
            LOGGER.error("the injector failed on a pod of %s: %s", request.namespace, type(error).__name__)  # noqa: TRY400
            warning = f"tokmeter: no sidecar: the injector failed ({type(error).__name__})"
            return FAILED, review.allow(request.uid, warnings=[warning], annotations={"outcome": FAILED})

    def _told(self, request: Request, outcome: Outcome) -> bytes:
        warnings = [f"tokmeter: {warning}" for warning in outcome.warnings]
        if outcome.reason not in ASKED_FOR_NOTHING:
            warnings.insert(0, f"tokmeter: no sidecar: {outcome.message}")
            if not request.dry_run:
                self._refused(Refusal(request.metadata(), request.namespace, outcome))
        annotations = {"outcome": outcome.reason.value}
        if outcome.profile is not None:
            annotations["profile"] = outcome.profile
        return review.allow(request.uid, patch=outcome.patch, warnings=warnings, annotations=annotations)
