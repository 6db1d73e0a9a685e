"""The HTTP server over real sockets."""

import errno
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Any, cast

import pytest
from tests.unit.export.fakes import FakeSnapshot

from tokmeter._core import Snapshot
from tokmeter.errors import TokmeterError
from tokmeter.export import server as server_module
from tokmeter.export.jsonl import EventStream
from tokmeter.export.prometheus import Collector
from tokmeter.export.server import MetricsServer

PATIENCE_S = 30.0
snapshot = cast(Callable[[], Snapshot], FakeSnapshot)


class Served:
    """A running server and what it reads from."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.events = EventStream(subscribers_max=2)
        self.health: dict[str, object] = {"status": "ok"}
        self.ready = False
        self.server = MetricsServer(
            host,
            0,
            collector=Collector(snapshot),
            events=self.events,
            budgets=lambda: [{"name": "daily", "spent_nano_usd": 5}],
            health=lambda: self.health,
            ready=lambda: self.ready,
        )
        self.address = self.server.start()

    def connect(self) -> HTTPConnection:
        return HTTPConnection(*self.address, timeout=PATIENCE_S)

    def get(self, path: str, method: str = "GET") -> tuple[int, str, bytes]:
        with closing(self.connect()) as connection:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.headers["Content-Type"], response.read()

    def wait_for_readers(self, count: int) -> None:
        """Until the stream has as many; the server's own look at a silent reader is what is waited for."""
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.01)):
            if self.events.subscribers == count:
                return
            pause.wait(0.01)
        pytest.fail(f"{self.events.subscribers} readers, not {count}")


@pytest.fixture
def served() -> Iterator[Served]:
    served = Served()
    yield served
    served.events.close()
    served.server.stop()


def test_metrics_are_the_classic_text(served: Served) -> None:
    status, kind, body = served.get("/metrics")

    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert b"# TYPE tokmeter_exchanges_total counter\n" in body


def test_budgets_and_health_are_json(served: Served) -> None:
    served.health = {"status": "degraded", "ledger": {"last_error": "database is locked"}}

    assert json.loads(served.get("/budgets")[2]) == [{"name": "daily", "spent_nano_usd": 5}]
    status, kind, body = served.get("/healthz")
    assert (status, kind, json.loads(body)) == (200, "application/json", served.health)


def test_readiness_decides_the_status(served: Served) -> None:
    assert served.get("/readyz")[::2] == (503, b'{"ready": false}\n')
    served.ready = True
    assert served.get("/readyz")[::2] == (200, b'{"ready": true}\n')


def test_every_address_is_one_of_either_family(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Served("::")
    assert both.address[0] == "::"
    both.server.stop()

    def refused(self: Any, address: tuple[str, int], routes: Any) -> None:
        if ":" in address[0]:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        real(self, address, routes)

    # A kernel without IPv6.
    real = server_module._Server.__init__
    monkeypatch.setattr(server_module._Server, "__init__", refused)
    one = Served("::")
    assert one.address[0] == "0.0.0.0"
    one.server.stop()


def test_a_query_is_no_part_of_the_path(served: Served) -> None:
    assert served.get("/healthz?verbose=1")[0] == 200


def test_other_paths_and_methods_are_refused(served: Served) -> None:
    assert served.get("/")[0] == 404
    assert b"/metrics" in served.get("/metric")[2]
    assert served.get("/metrics", "POST")[0] == 501


def test_one_connection_serves_many_scrapes(served: Served) -> None:
    with closing(served.connect()) as connection:
        for _ in range(3):
            connection.request("GET", "/healthz")
            assert connection.getresponse().read() == b'{"status": "ok"}\n'


def test_what_breaks_while_scraping_is_an_error_of_the_scrape(served: Served) -> None:
    served.health = {"status": object()}

    status, _, body = served.get("/healthz")

    assert (status, body) == (500, b"TypeError\n")
    assert served.get("/metrics")[0] == 200


def test_events_arrive_as_they_happen(served: Served) -> None:
    with closing(served.connect()) as connection:
        connection.request("GET", "/events")
        response = connection.getresponse()
        served.wait_for_readers(1)

        for line in ('{"id": 1}', '{"id": "é"}'):
            served.events.publish(line)
            assert response.readline().decode() == line + "\n"
        assert response.headers["Content-Type"] == "application/x-ndjson"

        served.events.close()
        assert response.read() == b""


def test_a_reader_that_left_gives_its_place_back_without_an_event(served: Served) -> None:
    with closing(served.connect()) as connection:
        connection.request("GET", "/events")
        response = connection.getresponse()
        served.wait_for_readers(1)
        response.close()

    served.wait_for_readers(0)


def test_too_many_readers_are_told(served: Served) -> None:
    connections = [served.connect() for _ in range(2)]
    for connection in connections:
        connection.request("GET", "/events")
    served.wait_for_readers(2)

    assert served.get("/events")[0] == 503
    assert served.get("/metrics")[0] == 200
    for connection in connections:
        connection.close()


def test_too_many_connections_are_told_and_room_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "CONNECTIONS_MAX", 1)
    served = Served()
    holder = served.connect()
    holder.request("GET", "/events")
    served.wait_for_readers(1)

    with closing(socket.create_connection(served.address, PATIENCE_S)) as refused:
        assert refused.recv(100).startswith(b"HTTP/1.1 503 ")

    served.events.close()
    holder.getresponse().read()
    holder.close()
    pause = threading.Event()
    while not served.server._server._free.acquire(blocking=False):  # type: ignore[union-attr]
        pause.wait(0.01)
    served.server._server._free.release()  # type: ignore[union-attr]
    assert served.get("/healthz")[0] == 200
    served.server.stop()


def test_a_taken_port_is_told_with_a_way_out(served: Served) -> None:
    host, port = served.address
    second = MetricsServer(host, port, collector=Collector(snapshot), events=served.events, budgets=list, health=dict)

    with pytest.raises(TokmeterError, match="address already in use") as caught:
        second.start()

    assert caught.value.where == f"{host}:{port}"
    assert "metrics.listen" in (caught.value.hint or "")
    second.stop()


def test_stopping_closes_the_port_and_may_be_repeated(served: Served) -> None:
    served.server.stop()
    served.server.stop()

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(served.address, PATIENCE_S).close()


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_listens_on_ipv6() -> None:
    try:
        served = Served("::1")
    except TokmeterError:
        pytest.skip("the loopback interface has no IPv6")

    assert served.get("/healthz")[0] == 200
    served.server.stop()
