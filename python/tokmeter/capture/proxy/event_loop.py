"""Chooses the event loop: uvloop where it works with the tasks mitmproxy makes, asyncio's own otherwise."""

import asyncio
from collections.abc import Callable


def event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """For `asyncio.Runner(loop_factory=...)`. Some pairs of uvloop and CPython fail on eager tasks, so one is tried."""
    try:
        import uvloop  # noqa: PLC0415 - optional: not on every platform
    except ImportError:
        return asyncio.new_event_loop
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_eager_task())
    except (TypeError, RuntimeError, NotImplementedError):
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _eager_task() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    await asyncio.create_task(asyncio.sleep(0))
