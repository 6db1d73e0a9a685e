"""Certificates change under traffic, and not one admission fails."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from tests.kubernetes.admission.api_server import ApiServer
from tests.kubernetes.admission.endpoints import Endpoints
from tests.kubernetes.admission.injected import (
    CONFIGURATION,
    OWN,
    PLACE,
    SECRET,
    api_server,
    injector,
    pod,
    until_ready,
)

from tokmeter.clock import now_ns
from tokmeter.injector import Running, limits
from tokmeter.injector.certificates.authority import Authority, issue, make_authority, read_authority

DAY_NS = 86_400 * 10**9
MINUTE_NS = 60 * 10**9
CALLERS = 3


class Clock:
    """Set by hand, in the past: TLS itself looks at the real time, and all that is made must be valid then."""

    def __init__(self, ago_ns: int) -> None:
        self.real = now_ns()
        self.now = self.real - ago_ns

    def __call__(self) -> int:
        return self.now


class Traffic:
    """Threads that create pods over kept and over new connections, one after the other."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self.done = 0
        self.failures: list[str] = []
        self._threads = [threading.Thread(target=self._run, args=(i == 0,)) for i in range(CALLERS)]

    def _run(self, keeps: bool) -> None:
        while not self._stop.is_set():
            try:
                admitted = self._server.create(pod(), "shop")
                failed = admitted.ignored
            except Exception as error:  # noqa: BLE001 - told by the test's own thread
                failed = [repr(error)]
            with self._changed:
                self.done += 1
                self.failures += failed
                self._changed.notify_all()
            if not keeps:
                self._server.close()
        self._server.close()

    def goes_on(self) -> None:
        """Until each thread has begun and ended an admission after now."""
        with self._changed:
            wanted = self.done + 2 * CALLERS
            assert self._changed.wait_for(lambda: self.done >= wanted, 30)

    @contextmanager
    def running(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()


def authorities(endpoints: Endpoints) -> list[Authority]:
    data = endpoints.secrets[OWN, SECRET]["data"]
    found = [read_authority(base64.b64decode(content), name) for name, content in data.items()]
    return sorted(found, key=lambda each: each.born)


def bundled(endpoints: Endpoints) -> list[set[int]]:
    """Serial numbers in the bundle of each webhook."""
    return [
        {each.serial_number for each in x509.load_pem_x509_certificates(endpoints.bundle(CONFIGURATION, place))}
        for place in (0, 1)
    ]


def served(started: Running) -> x509.Certificate:
    import ssl

    return x509.load_pem_x509_certificate(ssl.get_server_certificate(started.listen).encode())


def test_an_authority_is_followed_by_the_next_without_a_failed_admission(
    endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Serving certificates as long as their authority: they must be valid by the real clock too.
    monkeypatch.setattr(limits, "LEAF_HOURS", 24 * limits.AUTHORITY_DAYS)
    clock = Clock(310 * DAY_NS)
    with injector(endpoints, tmp_path, clock=clock) as started:
        (first,) = authorities(endpoints)
        traffic = Traffic(api_server(endpoints, started))
        with traffic.running():
            traffic.goes_on()

            clock.now = clock.real - 20 * MINUTE_NS
            assert started.upkeep.check()
            older, newer = authorities(endpoints)
            assert older.name == first.name
            both = {older.certificate.serial_number, newer.certificate.serial_number}
            assert bundled(endpoints) == [both, both]
            # In the bundle, and not used yet: an API server may not have seen it.
            assert served(started).issuer == older.certificate.subject
            traffic.goes_on()

            clock.now = clock.real
            assert started.upkeep.check()
            assert served(started).issuer == newer.certificate.subject
            assert bundled(endpoints) == [both, both]
            traffic.goes_on()

        assert traffic.failures == []
        assert started.tally.counted("injector_handshake_failures") == 0


def test_a_new_authority_does_not_sign_while_the_bundle_cannot_be_written(
    endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEAF_HOURS", 24 * limits.AUTHORITY_DAYS)
    clock = Clock(310 * DAY_NS)
    with injector(endpoints, tmp_path, clock=clock) as started, closing(api_server(endpoints, started)) as server:
        first = served(started)
        endpoints.refuse = lambda method, path: 403 if method == "PATCH" else None
        clock.now = clock.real - 60 * MINUTE_NS
        assert not started.upkeep.check()
        clock.now = clock.real
        assert not started.upkeep.check()

        assert len(authorities(endpoints)) == 2
        assert served(started).issuer == first.issuer
        assert server.create(pod(), "shop").ignored == []
        assert started.tally.counted("injector_certificate_renewals", "failed") == 2

        endpoints.refuse = lambda _method, _path: None
        assert started.upkeep.check()
        assert served(started).issuer != first.issuer
        server.close()
        assert server.create(pod(), "shop").ignored == []


def test_replicas_share_one_authority_and_each_has_its_own_key(endpoints: Endpoints, tmp_path: Path) -> None:
    with injector(endpoints, tmp_path) as one, injector(endpoints, tmp_path) as other:
        assert len(authorities(endpoints)) == 1
        assert served(one).issuer == served(other).issuer
        assert served(one).public_key() != served(other).public_key()
        for started in (one, other):
            with closing(api_server(endpoints, started)) as server:
                assert server.create(pod(), "shop").ignored == []


def test_replicas_that_start_at_once_agree(endpoints: Endpoints, tmp_path: Path) -> None:
    """Another replica writes the Secret between our look and our write."""
    theirs = make_authority(PLACE.host, datetime.now(UTC))

    def quicker(method: str, path: str) -> None:
        if method == "POST" and path.endswith("/secrets"):
            endpoints.before_write = lambda _method, _path: None
            data = {f"{theirs.name}.pem": base64.b64encode(theirs.pem).decode()}
            item = {"metadata": {"name": SECRET, "namespace": OWN}, "data": data}
            endpoints.secrets[OWN, SECRET] = endpoints.stamped(item)

    endpoints.before_write = quicker
    with injector(endpoints, tmp_path) as started:
        assert [each.name for each in authorities(endpoints)] == [theirs.name]
        assert served(started).issuer == theirs.certificate.subject


def test_a_bundle_that_another_replica_wrote_meanwhile_is_not_lost(endpoints: Endpoints, tmp_path: Path) -> None:
    """It has an authority that we have not seen; it is added between our look and our write."""
    theirs = make_authority(PLACE.host, datetime.now(UTC))

    def quicker(method: str, path: str) -> None:
        if method == "PATCH":
            endpoints.before_write = lambda _method, _path: None
            configuration = endpoints.stamped(endpoints.webhooks[CONFIGURATION])
            for webhook in configuration["webhooks"]:
                webhook["clientConfig"]["caBundle"] = base64.b64encode(public(theirs)).decode()
            endpoints.webhooks[CONFIGURATION] = configuration

    endpoints.before_write = quicker
    with injector(endpoints, tmp_path):
        ours = {each.certificate.serial_number for each in authorities(endpoints)}
        both = ours | {theirs.certificate.serial_number}
        assert bundled(endpoints) == [both, both]


def test_a_deleted_secret_comes_back_as_it_was(endpoints: Endpoints, tmp_path: Path) -> None:
    with injector(endpoints, tmp_path) as started:
        (before,) = authorities(endpoints)
        endpoints.secrets.clear()

        assert started.upkeep.check()

        assert [each.name for each in authorities(endpoints)] == [before.name]


def test_a_secret_that_cannot_be_read_is_not_replaced(endpoints: Endpoints, tmp_path: Path) -> None:
    with injector(endpoints, tmp_path) as started, closing(api_server(endpoints, started)) as server:
        name = next(iter(endpoints.secrets[OWN, SECRET]["data"]))
        for content in ("bm9uc2Vuc2U=", "no base64!"):
            endpoints.secrets[OWN, SECRET]["data"][name] = content

            assert not started.upkeep.check()

            assert endpoints.secrets[OWN, SECRET]["data"] == {name: content}
        assert server.create(pod(), "shop").ignored == []


def test_a_bundle_that_somebody_emptied_is_filled_again(endpoints: Endpoints, tmp_path: Path) -> None:
    with injector(endpoints, tmp_path) as started:
        before = bundled(endpoints)
        endpoints.webhooks[CONFIGURATION]["webhooks"][1]["clientConfig"]["caBundle"] = ""

        assert started.upkeep.check()

        assert bundled(endpoints) == before


def test_it_waits_for_its_webhook_to_be_installed(
    endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RETRY_MIN_S", 0.01)
    configuration = endpoints.webhooks.pop(CONFIGURATION)
    missing = threading.Event()

    def installed_after_the_first_look(_method: str, path: str) -> int | None:
        if CONFIGURATION in path and path.startswith("/apis/") and not missing.is_set():
            missing.set()
        elif missing.is_set():
            endpoints.webhooks.setdefault(CONFIGURATION, configuration)
        return None

    endpoints.refuse = installed_after_the_first_look
    with injector(endpoints, tmp_path) as started:
        until_ready(started)
        assert started.tally.counted("injector_certificate_renewals", "failed") >= 1


def test_files_of_the_users_are_read_again_when_they_change(endpoints: Endpoints, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def bring(authority: Authority) -> None:
        leaf = issue(authority, PLACE.host, now)
        certificate.write_bytes(leaf.chain)
        key.write_bytes(leaf.key)
        # What cert-manager's injector would do.
        for webhook in endpoints.webhooks[CONFIGURATION]["webhooks"]:
            webhook["clientConfig"]["caBundle"] = base64.b64encode(public(authority)).decode()

    one, other = make_authority(PLACE.host, now - timedelta(days=1)), make_authority(PLACE.host, now)
    bring(one)
    with (
        injector(endpoints, tmp_path, certificate_files=(certificate, key)) as started,
        closing(api_server(endpoints, started)) as server,
    ):
        assert server.create(pod(), "shop").ignored == []
        bring(other)
        assert started.upkeep.check()
        assert served(started).issuer == other.certificate.subject
        assert server.create(pod(), "shop").ignored == []

        # Half of a change: the key of another certificate.
        key.write_bytes(issue(one, PLACE.host, now).key)
        assert not started.upkeep.check()
        assert served(started).issuer == other.certificate.subject
        assert endpoints.secrets == {}


def public(authority: Authority) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return authority.certificate.public_bytes(Encoding.PEM)
