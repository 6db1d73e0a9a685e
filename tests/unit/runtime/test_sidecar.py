"""Wiring: what is started is stopped, in order, also when something on the way fails."""

from __future__ import annotations

import asyncio
import socket
import threading
from pathlib import Path

import pytest

from tokmeter.cli.planning import sidecar as planned
from tokmeter.cli.planning import single_run
from tokmeter.config import Config
from tokmeter.errors import TokmeterError
from tokmeter.runtime.sidecar import Plan, running

THREADS = ("tokmeter-ledger", "tokmeter-metrics")


def plan(folder: Path, *, metrics: str | None = "127.0.0.1:0") -> Plan:
    return single_run(Config(), {"XDG_STATE_HOME": str(folder)}, process="test", budgets=[], metrics=metrics, sinks=[])


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name in THREADS]


def reachable(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


async def test_everything_serves_inside_and_nothing_outside(tmp_path: Path) -> None:
    async with running(plan(tmp_path)) as started:
        assert started.metrics is not None
        places = [*started.proxy, started.metrics]
        assert all([await asyncio.to_thread(reachable, place) for place in places])
        assert started.authority.file.exists()
        assert sorted(threads()) == sorted(THREADS)

    assert not any(reachable(place) for place in places)
    assert threads() == []
    assert (tmp_path / "tokmeter" / "ledger.db").exists()


async def test_without_an_address_no_metrics_are_served(tmp_path: Path) -> None:
    async with running(plan(tmp_path, metrics=None)) as started:
        assert started.metrics is None
        assert threads() == ["tokmeter-ledger"]


async def test_base_urls_need_no_authority(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    wanted = planned(Config(), environ, mode="base-url", listen=("127.0.0.1:0",), metrics="127.0.0.1:0")
    async with running(wanted) as started:
        assert await asyncio.to_thread(reachable, started.proxy[0])
        with pytest.raises(RuntimeError):
            _ = started.authority

    assert sorted(path.name for path in (tmp_path / "tokmeter").iterdir() if path.is_dir()) == []


async def test_what_was_started_is_stopped_when_the_next_thing_fails(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = plan(tmp_path, metrics=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(TokmeterError, match="cannot listen"):
            async with running(wanted):
                pytest.fail("it must not start")

    assert threads() == []


async def test_a_ledger_that_cannot_be_opened_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "tokmeter" / "ledger.db").mkdir(parents=True)

    with pytest.raises(TokmeterError) as caught:
        async with running(plan(tmp_path)):
            pytest.fail("it must not start")

    assert "ledger.db" in (caught.value.where or "")
    assert threads() == []


async def test_what_was_learned_is_there_at_the_next_start(tmp_path: Path) -> None:
    learned = ("anthropic", "claude-sonnet-4-5", "112:40 113:7", "90:1")
    async with running(plan(tmp_path, metrics=None)) as started:
        started.meter.restore_calibration(*learned)

    async with running(plan(tmp_path, metrics=None)) as again:
        assert again.meter.calibrations() == [learned]
