"""What the wiring does when a part of it fails. The whole is tried in tests/kubernetes/admission."""

import logging
from datetime import datetime
from typing import Any, cast

import pytest

from tokmeter.errors import TokmeterError
from tokmeter.export.prometheus import Collector
from tokmeter.injector import service
from tokmeter.injector.cluster.version import Version
from tokmeter.injector.service import Place, Upkeep
from tokmeter.injector.tally import Tally


class Certificates:
    """Fails as told; else says whether something changed."""

    def __init__(self) -> None:
        self.seen: list[datetime] = []
        self.error: TokmeterError | None = None
        self.changes = False

    def check(self, now: datetime) -> bool:
        self.seen.append(now)
        if self.error is not None:
            raise self.error
        return self.changes


class Known:
    """A version that is always known."""

    def check(self, now_s: float) -> None:
        pass


@pytest.fixture
def certificates() -> Certificates:
    return Certificates()


def upkeep(certificates: Certificates, tally: Tally) -> Upkeep:
    return Upkeep(certificates, cast(Version, Known()), tally, 30.0, lambda: 1_700_000_000 * 10**9)


def test_a_renewal_is_counted_and_a_quiet_look_is_not(certificates: Certificates) -> None:
    tally = Tally()
    kept = upkeep(certificates, tally)

    assert kept.check()
    certificates.changes = True
    assert kept.check()

    assert tally.counted("injector_certificate_renewals", "renewed") == 1
    assert certificates.seen[0].isoformat() == "2023-11-14T22:13:20+00:00"


def test_a_failure_is_counted_each_time_and_said_once(
    certificates: Certificates, caplog: pytest.LogCaptureFixture
) -> None:
    tally = Tally()
    kept = upkeep(certificates, tally)
    with caplog.at_level(logging.WARNING):
        for error in (TokmeterError("down"), TokmeterError("down"), None, TokmeterError("down")):
            certificates.error = error
            assert kept.check() is (error is None)

    assert [record.getMessage() for record in caplog.records] == ["down", "down"]
    assert tally.counted("injector_certificate_renewals", "failed") == 3


@pytest.mark.parametrize(
    ("path", "why", "status", "content"),
    [
        ("/readyz", None, 200, b"ready\n"),
        ("/readyz", "leaving", 503, b"leaving\n"),
        ("/healthz", "leaving", 200, b'{"status": "ok"}\n'),
        ("/other", None, 404, b"known: /metrics /healthz /readyz\n"),
    ],
)
def test_probes_are_answered(path: str, why: str | None, status: int, content: bytes) -> None:
    answer = service._status(Collector(None), lambda: why)("GET", path, b"")

    assert (answer.status, answer.body) == (status, content)


def test_reviews_are_sent_to_one_path_with_one_method() -> None:
    routes = service._webhook(cast(Any, None))

    assert routes("GET", "/mutate", b"").status == 405
    assert routes("POST", "/", b"").status == 404


def test_the_host_is_the_one_that_an_api_server_calls() -> None:
    place = Place(service="a", namespace="b", webhook_configuration="c", secret="d")

    assert place.host == "a.b.svc"
