"""Wires settings, cluster, certificates and servers into one running injector. Holds no rule of its own."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Protocol

from tokmeter import __version__
from tokmeter.clock import now_ns
from tokmeter.errors import TokmeterError
from tokmeter.export.prometheus import CONTENT_TYPE, Collector, build_info, exposition
from tokmeter.inject import Injection
from tokmeter.injector import limits
from tokmeter.injector.admission import Admission, Answer
from tokmeter.injector.certificates.files import FileCertificates
from tokmeter.injector.certificates.keeper import CertificateKeeper
from tokmeter.injector.cluster.client import Api
from tokmeter.injector.cluster.events import Events
from tokmeter.injector.cluster.namespaces import Namespaces
from tokmeter.injector.cluster.secret import ClusterShared
from tokmeter.injector.cluster.version import Version
from tokmeter.injector.contexts import Contexts
from tokmeter.injector.server import PLAIN, Listener
from tokmeter.injector.tally import Tally

LOGGER = logging.getLogger("tokmeter.injector")
MUTATE = "/mutate"


class Certificates(Protocol):
    """What keeps the serving certificate going."""

    def check(self, now: datetime) -> bool:
        """Does what is due; whether the certificate changed. Raises `TokmeterError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The names under which a cluster knows this injector."""

    service: str
    namespace: str
    webhook_configuration: str
    secret: str

    @property
    def host(self) -> str:
        """The name that the API server calls, and verifies."""
        return f"{self.service}.{self.namespace}.svc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What one process is to run."""

    injection: Injection
    place: Place
    listen: tuple[str, int]
    metrics: tuple[str, int]
    certificate_files: tuple[Path, Path] | None = None
    """Certificate and key, when somebody else keeps them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What has been started."""

    listen: tuple[str, int]
    metrics: tuple[str, int]
    ready: Callable[[], str | None]
    """Why it is not ready; None when it is."""
    leave: Callable[[], None]
    """From now on not ready, so that no more is sent here."""
    upkeep: "Upkeep"
    tally: Tally


class Upkeep:
    """The thread that looks after the certificate and the cluster's version."""

    def __init__(
        self, certificates: Certificates, version: Version, tally: Tally, interval_s: float, now: Callable[[], int]
    ) -> None:
        self._certificates = certificates
        self._version = version
        self._tally = tally
        self._interval_s = interval_s
        self._now = now
        self._stop = threading.Event()
        self._looking = threading.Lock()
        self._said: str | None = None

    def start(self) -> None:
        """Looks until stopped."""
        threading.Thread(target=self._run, name="tokmeter-upkeep", daemon=True).start()

    def stop(self) -> None:
        """Ends after the look that is on its way."""
        self._stop.set()

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stop.wait(wait_s):
            wait_s = self._interval_s if self.check() else limits.RETRY_MIN_S

    def check(self) -> bool:
        """One look; whether all was well. Safe from any thread."""
        with self._looking:
            return self._looked()

    def _looked(self) -> bool:
        try:
            if self._certificates.check(datetime.fromtimestamp(self._now() // 10**9, tz=UTC)):
                self._tally.count("injector_certificate_renewals", "renewed")
                LOGGER.info("a new serving certificate is in use")
            self._version.check(monotonic())
        except TokmeterError as error:
            self._tally.count("injector_certificate_renewals", "failed")
            # Tried again each second, said once.
            if str(error) != self._said:
                LOGGER.warning("%s", error)
            self._said = str(error)
            return False
        self._said = None
        return True


@contextmanager
def running(settings: Settings, api: Api, clock: Callable[[], int] = now_ns) -> Iterator[Running]:
    """Starts everything; leaving answers what is open. Raises `TokmeterError`, `ClusterError` without a cluster."""
    tally, contexts, version = Tally(), Contexts(), Version(api)
    version.check(monotonic())
    leaving = threading.Event()
    with ExitStack() as stack:
        namespaces = Namespaces(
            api,
            unknown=lambda: tally.count("injector_unknown_namespaces"),
            failed=lambda error: LOGGER.warning("%s", error),
        )
        events = Events(
            api,
            dropped=lambda reason: tally.count("injector_events_dropped", reason),
            clock=monotonic,
            now_ns=clock,
        )
        admission = Admission(
            settings.injection,
            namespace=namespaces.get,
            cluster=lambda: version.cluster,
            refused=events.refused,
            tally=tally,
        )
        certificates, interval_s = _certificates(settings, api, contexts)
        upkeep = Upkeep(certificates, version, tally, interval_s, clock)
        tally.gauge("injector_certificate_expiry", lambda: _left_s(contexts, clock))
        tally.gauge("injector_namespace_store_age_ms", lambda: _ms(namespaces.age_s))

        def unready() -> str | None:
            if leaving.is_set():
                return "leaving"
            if contexts.current is None:
                return "no serving certificate yet"
            return None if namespaces.synced.is_set() else "namespaces are not known yet"

        webhook = Listener(
            settings.listen,
            _webhook(admission),
            name="webhook",
            option="--listen",
            context=lambda: contexts.current,
            body_max=limits.REVIEW_BYTES_MAX,
            connections_max=limits.CONNECTIONS_MAX,
            handshake_failed=lambda: tally.count("injector_handshake_failures"),
        )
        collector = Collector(None, [tally.series, build_info(__version__, "none")])
        status = Listener(settings.metrics, _status(collector, unready), name="metrics", option="--metrics")
        stack.callback(api.close)
        events.start()
        stack.callback(events.stop, limits.STOP_POLL_S)
        namespaces.start()
        stack.callback(namespaces.stop)
        upkeep.start()
        stack.callback(upkeep.stop)
        metrics = status.start()
        stack.callback(status.stop, limits.STOP_POLL_S)
        listen = webhook.start()
        stack.callback(webhook.stop, limits.DRAIN_S)
        yield Running(listen=listen, metrics=metrics, ready=unready, leave=leaving.set, upkeep=upkeep, tally=tally)


def _certificates(settings: Settings, api: Api, contexts: Contexts) -> tuple[Certificates, float]:
    if settings.certificate_files is not None:
        files = FileCertificates(*settings.certificate_files, contexts)
        # The first look is here: files that are wrong from the start end the start.
        files.check(datetime.fromtimestamp(0, tz=UTC))
        return files, limits.FILE_CHECK_S
    place = settings.place
    shared = ClusterShared(
        api,
        namespace=place.namespace,
        secret=place.secret,
        service=place.service,
        webhook_configuration=place.webhook_configuration,
    )
    return CertificateKeeper(shared, place.host, contexts), limits.CHECK_S


def _webhook(admission: Admission) -> Callable[[str, str, bytes], Answer]:
    def routes(method: str, path: str, body: bytes) -> Answer:
        if path != MUTATE:
            return Answer(404, PLAIN, b"known: /mutate\n")
        if method != "POST":
            return Answer(405, PLAIN, b"send a review with POST\n")
        return admission.answer(body)

    return routes


def _status(collector: Collector, unready: Callable[[], str | None]) -> Callable[[str, str, bytes], Answer]:
    def routes(method: str, path: str, body: bytes) -> Answer:
        del method, body
        match path:
            case "/metrics":
                return Answer(200, CONTENT_TYPE, exposition(collector))
            case "/healthz":
                return Answer(200, "application/json", json.dumps({"status": "ok"}).encode() + b"\n")
            case "/readyz":
                why = unready()
                return Answer(200, PLAIN, b"ready\n") if why is None else Answer(503, PLAIN, f"{why}\n".encode())
        return Answer(404, PLAIN, b"known: /metrics /healthz /readyz\n")

    return routes


def _left_s(contexts: Contexts, clock: Callable[[], int]) -> float | None:
    ends = contexts.ends
    return None if ends is None else ends.timestamp() - clock() / 10**9


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000
