"""The server over real sockets: what it answers to clients that are no API server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse

import pytest

from tokmeter.errors import TokmeterError
from tokmeter.injector import limits
from tokmeter.injector.admission import Answer
from tokmeter.injector.server import Listener

PATIENCE_S = 30.0
BODY_MAX = 1000


def routes(method: str, path: str, body: bytes) -> Answer:
    if path == "/broken":
        raise ZeroDivisionError
    return Answer(200, "text/plain", b"%s %s %d" % (method.encode(), path.encode(), len(body)))


def listener(connections_max: int = 32) -> Listener:
    return Listener(
        ("127.0.0.1", 0),
        routes,
        name="test",
        option="--listen",
        body_max=BODY_MAX,
        connections_max=connections_max,
    )


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    served = listener(connections_max=2)
    yield served.start()
    served.stop(1)


def raw(address: tuple[str, int], request: bytes) -> tuple[int, bytes]:
    """Status and body; fails when the connection then stays open."""
    with socket.create_connection(address, PATIENCE_S) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        body = response.read()
        assert connection.recv(1) == b""
        return response.status, body


def test_a_connection_is_kept(address: tuple[str, int]) -> None:
    with closing(HTTPConnection(*address, timeout=PATIENCE_S)) as connection:
        for length in (0, 1, BODY_MAX):
            connection.request("POST", "/a?b", b"x" * length)
            assert connection.getresponse().read() == b"POST /a %d" % length
        connection.request("GET", "/")
        response = connection.getresponse()
        assert response.read() == b"GET / 0"
        assert not response.will_close


def test_requests_may_come_together_and_in_pieces(address: tuple[str, int]) -> None:
    both = b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyGET /b HTTP/1.1\r\nConnection: close\r\n\r\n"
    with socket.create_connection(address, PATIENCE_S) as connection:
        for i in range(0, len(both), 3):
            connection.sendall(both[i : i + 3])
        answers = b""
        while piece := connection.recv(4096):
            answers += piece

    assert answers.index(b"POST /a 2") < answers.index(b"GET /b 0")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"", 411),
        (b"Transfer-Encoding: chunked\r\n", 411),
        (b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", 411),
        (b"Content-Length: 2\r\nContent-Length: 3\r\n", 411),
        (b"Content-Length: +2\r\n", 400),
        (b"Content-Length: -2\r\n", 400),
        (b"Content-Length: 1001\r\n", 413),
        (b"Content-Length: 99999999999999999999\r\n", 400),
    ],
)
def test_a_body_of_doubtful_length_ends_the_connection(address: tuple[str, int], head: bytes, status: int) -> None:
    assert raw(address, b"POST / HTTP/1.1\r\n" + head + b"\r\n")[0] == status


def test_another_method_is_not_supported(address: tuple[str, int]) -> None:
    assert raw(address, b"BREW / HTTP/1.1\r\n\r\n")[0] == 501


def test_what_breaks_is_an_answer(address: tuple[str, int]) -> None:
    with closing(HTTPConnection(*address, timeout=PATIENCE_S)) as connection:
        connection.request("GET", "/broken")
        response = connection.getresponse()
        assert (response.status, response.read()) == (500, b"ZeroDivisionError\n")
        connection.request("GET", "/")
        assert connection.getresponse().status == 200


def test_one_connection_too_many_is_told_so(address: tuple[str, int]) -> None:
    kept = [HTTPConnection(*address, timeout=PATIENCE_S) for _ in range(2)]
    for connection in kept:
        connection.request("GET", "/")
        connection.getresponse().read()

    assert raw(address, b"")[0] == 503
    for connection in kept:
        connection.close()


@pytest.mark.parametrize(
    ("bound", "sent"),
    [
        ("IDLE_S", b""),
        ("HEAD_S", b"POST / HTTP/1.1\r\nContent-Le"),
        ("BODY_S", b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nxx"),
    ],
)
def test_a_client_that_dribbles_is_not_waited_for(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, bound: str, sent: bytes
) -> None:
    monkeypatch.setattr(limits, bound, 0.2)
    stop = threading.Event()
    with socket.create_connection(address, PATIENCE_S) as connection:
        connection.sendall(sent)

        def dribble() -> None:
            while sent and not stop.wait(0.05):
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

        thread = threading.Thread(target=dribble)
        thread.start()
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass
        finally:
            stop.set()
            thread.join()


def test_bodies_are_bounded_over_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODIES_BYTES_MAX", BODY_MAX)
    monkeypatch.setattr(limits, "ROOM_S", 0.05)
    served = listener()
    address = served.start()
    head = b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n"
    try:
        with socket.create_connection(address, PATIENCE_S) as stalled:
            stalled.sendall(head + b"x")
            while raw(address, head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"x" * 1000)[0] != 503:
                pass  # the stalled one may not have been accepted yet
        # Who leaves gives its room back.
        while raw(address, head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + b"x" * 1000)[0] != 200:
            pass
    finally:
        served.stop(1)


def test_an_empty_body_is_one(address: tuple[str, int]) -> None:
    assert raw(address, b"POST / HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n") == (200, b"POST / 0")


def test_an_address_in_use_is_said(address: tuple[str, int]) -> None:
    with pytest.raises(TokmeterError, match="cannot listen: address already in use") as error:
        Listener(address, routes, name="webhook", option="--listen").start()

    assert error.value.where == f"127.0.0.1:{address[1]}"
    assert error.value.hint == "give another address with --listen"


def test_a_repeated_stop_does_nothing() -> None:
    served = listener()
    served.start()
    served.stop(1)
    served.stop(1)
