"""The loop that is chosen runs eager tasks."""

import asyncio
import sys
import types

import pytest

from tokmeter.capture.proxy.event_loop import event_loop_factory


async def _works() -> bool:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    return await asyncio.create_task(asyncio.sleep(0, result=True))


def test_the_chosen_loop_runs_eager_tasks() -> None:
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        assert runner.run(_works())


def test_a_uvloop_that_cannot_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> asyncio.AbstractEventLoop:
        raise TypeError("unexpected keyword argument 'eager_start'")

    module = types.ModuleType("uvloop")
    module.new_event_loop = broken  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uvloop", module)
    assert event_loop_factory() is asyncio.new_event_loop


def test_a_missing_uvloop_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert event_loop_factory() is asyncio.new_event_loop
