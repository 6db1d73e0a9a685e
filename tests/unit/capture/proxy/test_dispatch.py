"""The hook table: handlers in order, failures counted, coroutines refused."""

import pytest
from mitmproxy import connection
from mitmproxy.proxy import server_hooks

from tokmeter.capture.proxy.dispatch import HookTable

CLIENT = connection.Client(peername=("a", 1), sockname=("b", 2), timestamp_start=0.0)


class _First:
    def __init__(self, calls: list[object]) -> None:
        self._calls = calls

    def client_connected(self, client: connection.Client) -> None:
        self._calls.append(("first", client))


class _Failing:
    def client_connected(self, _client: connection.Client) -> None:
        raise ArithmeticError


class _Panicking:
    def client_connected(self, _client: connection.Client) -> None:
        raise GeneratorExit  # like a panic of the core, not an Exception


class _Interrupted:
    def client_connected(self, _client: connection.Client) -> None:
        raise KeyboardInterrupt


def test_handlers_run_in_order_and_failures_do_not_stop_them() -> None:
    calls: list[object] = []
    failures: list[tuple[str, type]] = []
    addons: list[object] = [_Failing(), _First(calls), _Panicking(), _First(calls)]
    table = HookTable(addons, lambda name, error: failures.append((name, type(error))))
    table.run(server_hooks.ClientConnectedHook(CLIENT))
    table.run(server_hooks.ClientDisconnectedHook(CLIENT))
    assert calls == [("first", CLIENT)] * 2
    assert failures == [("client_connected", ArithmeticError), ("client_connected", GeneratorExit)]


def test_a_user_who_interrupts_is_heard() -> None:
    table = HookTable([_Interrupted()], lambda _name, _error: None)
    with pytest.raises(KeyboardInterrupt):
        table.run(server_hooks.ClientConnectedHook(CLIENT))


def test_a_coroutine_is_no_handler() -> None:
    class Asynchronous:
        async def client_connected(self, _client: connection.Client) -> None: ...

    with pytest.raises(TypeError, match="client_connected"):
        HookTable([Asynchronous()], lambda _name, _error: None)
