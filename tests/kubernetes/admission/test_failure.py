"""The webhook is away, late, wrong or leaving: what an API server makes of it, and what becomes of open requests."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from tests.kubernetes.admission.api_server import ApiServer, RejectedError, review
from tests.kubernetes.admission.endpoints import Endpoints
from tests.kubernetes.admission.injected import CONFIGURATION, OWN, SERVICE, api_server, injector, pod

from tokmeter.injector import Running, admission


def policy(endpoints: Endpoints, failure: str, timeout_s: float = 10) -> None:
    for webhook in endpoints.webhooks[CONFIGURATION]["webhooks"]:
        webhook |= {"failurePolicy": failure, "timeoutSeconds": timeout_s}


def nobody() -> tuple[str, int]:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        host, port = free.getsockname()
    return host, port


@pytest.mark.parametrize("failure", ["Ignore", "Fail"])
def test_a_webhook_that_is_down(endpoints: Endpoints, started: Running, failure: str) -> None:
    policy(endpoints, failure)
    server = ApiServer(endpoints, {(OWN, SERVICE): nobody()})

    if failure == "Fail":
        with pytest.raises(RejectedError, match="failed calling webhook"):
            server.create(pod(), "shop")
    else:
        admitted = server.create(pod(), "shop")
        assert admitted.pod == pod()
        assert len(admitted.ignored) == 1


@pytest.mark.parametrize("failure", ["Ignore", "Fail"])
def test_a_webhook_that_is_late(
    endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    policy(endpoints, failure, timeout_s=0.2)
    go = threading.Event()

    def late(*_: object) -> Any:
        assert go.wait(30)
        raise RuntimeError

    monkeypatch.setattr(admission.Admission, "_answer", late)
    with injector(endpoints, tmp_path) as started, closing(api_server(endpoints, started)) as server:
        try:
            if failure == "Fail":
                with pytest.raises(RejectedError, match="timed out"):
                    server.create(pod(), "shop")
            else:
                assert server.create(pod(), "shop").pod == pod()
        finally:
            go.set()


def test_a_defect_of_ours_does_not_keep_a_pod_from_starting(
    endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy(endpoints, "Fail")

    def broken(*_: object, **__: object) -> Any:
        raise ZeroDivisionError("what is in the pod")

    monkeypatch.setattr(admission.Admission.__init__, "__kwdefaults__", {"injector": broken})
    with injector(endpoints, tmp_path) as started, closing(api_server(endpoints, started)) as server:
        admitted = server.create(pod(), "shop")

        assert admitted.pod == pod()
        assert admitted.warnings == ["tokmeter: no sidecar: the injector failed (ZeroDivisionError)"]
        assert started.tally.counted("injector_admissions", "failed") == 1


def test_a_caller_that_does_not_trust_it_is_counted(endpoints: Endpoints, started: Running) -> None:
    context = ssl.create_default_context()

    with (
        socket.create_connection(started.listen) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
        context.wrap_socket(plain, server_hostname="tokmeter-injector.tokmeter-system.svc"),
    ):
        pass

    with closing(api_server(endpoints, started)) as server:
        assert server.create(pod(), "shop").ignored == []
    pause = threading.Event()
    for _ in range(3000):
        if started.tally.counted("injector_handshake_failures") == 1:
            break
        pause.wait(0.01)
    assert started.tally.counted("injector_handshake_failures") == 1


def test_readiness_ends_before_serving_does(endpoints: Endpoints, started: Running) -> None:
    with closing(api_server(endpoints, started)) as server:
        assert status(started, "/readyz") == (200, "ready\n")
        started.leave()

        assert status(started, "/readyz") == (503, "leaving\n")
        assert status(started, "/healthz")[0] == 200
        assert server.create(pod(), "shop").ignored == []


def test_what_is_open_is_answered_and_nothing_else_is_accepted(
    endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, go = threading.Event(), threading.Event()
    original: Callable[..., Any] = admission.Admission.answer

    def slow(self: Any, body: bytes) -> Any:
        entered.set()
        assert go.wait(30)
        return original(self, body)

    with injector(endpoints, tmp_path) as started:
        idle = connected(endpoints, started)
        assert posted(idle) == 200
        busy = connected(endpoints, started)
        monkeypatch.setattr(admission.Admission, "answer", slow)
        answers: list[int] = []
        asking = threading.Thread(target=lambda: answers.append(posted(busy)))
        asking.start()
        assert entered.wait(30)
        address = started.listen
        threading.Thread(target=free_when_refused, args=(address, go)).start()
    asking.join(30)

    assert answers == [200]
    assert idle.sock is not None
    assert idle.sock.recv(1) == b""
    idle.close()
    busy.close()


def free_when_refused(address: tuple[str, int], go: threading.Event) -> None:
    """Lets the open request go on once nothing is accepted any more."""
    pause = threading.Event()
    for _ in range(3000):
        try:
            socket.create_connection(address, 1).close()
        except OSError:
            break
        pause.wait(0.01)
    go.set()


def connected(endpoints: Endpoints, started: Running) -> HTTPConnection:
    context = ssl.create_default_context(cadata=endpoints.bundle(CONFIGURATION).decode())
    connection = HTTPConnection("webhook", timeout=30)
    plain = socket.create_connection(started.listen, 30)
    connection.sock = context.wrap_socket(
        plain, server_hostname="tokmeter-injector.tokmeter-system.svc", suppress_ragged_eofs=False
    )
    return connection


def posted(connection: HTTPConnection) -> int:
    connection.request("POST", "/mutate", json.dumps(review(pod(), "shop")).encode())
    response = connection.getresponse()
    response.read()
    return response.status


def status(started: Running, path: str) -> tuple[int, str]:
    host, port = started.metrics
    try:
        with urlopen(f"http://{host}:{port}{path}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
