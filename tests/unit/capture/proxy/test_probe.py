"""The probe: another mitmproxy is noticed."""

import pytest
from mitmproxy.proxy import server
from mitmproxy.proxy.layers.http import HttpStream

from tokmeter.capture.proxy import probe
from tokmeter.errors import TokmeterError


def test_the_locked_mitmproxy_is_known() -> None:
    probe.require_known_shape()
    assert probe.may_run_inline()


def test_something_missing_is_an_error_with_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(HttpStream, "start_request_stream")
    with pytest.raises(TokmeterError, match=r"HttpStream\.start_request_stream"):
        probe.require_known_shape()


def test_another_source_means_the_stock_path(monkeypatch: pytest.MonkeyPatch) -> None:
    async def server_event(self: object, event: object) -> None: ...

    monkeypatch.setattr(probe, "_COPIED", {server_event: next(iter(probe._COPIED.values()))})
    assert not probe.may_run_inline()
    monkeypatch.setattr(probe, "_COPIED", {eval("lambda: None"): ""})
    assert not probe.may_run_inline()


def test_the_copied_functions_are_those_of_the_handler() -> None:
    assert server.ConnectionHandler.server_event in probe._COPIED
