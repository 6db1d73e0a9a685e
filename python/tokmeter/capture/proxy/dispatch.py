"""Runs mitmproxy's hooks from a table: hook class to handlers, looked up once.

The stock manager walks every addon for every hook, twice for flows, as a task of its own; that is half of the cost of a
request. Handlers here are plain functions, and one that fails is counted and never stops the traffic. Knows nothing of
what handlers do.
"""

import inspect
from collections.abc import Callable
from typing import Any

from mitmproxy import hooks

type Handler = Callable[[Any], object]


class HookTable:
    """The handlers of each hook, in the order of the addons."""

    def __init__(self, addons: list[object], on_failure: Callable[[str, BaseException], None]) -> None:
        """Reads the handlers of `addons`; `on_failure(hook name, error)` hears of each that raises.

        Raises `TypeError` for a handler that is a coroutine function: hooks run to their end where they are called.
        """
        self._on_failure = on_failure
        self._entries: dict[type[hooks.Hook], tuple[str, str, tuple[Handler, ...]]] = {}
        for name, hook in hooks.all_hooks.items():
            found: list[Any] = [getattr(addon, name, None) for addon in addons]
            handlers: tuple[Handler, ...] = tuple(handler for handler in found if callable(handler))
            if any(inspect.iscoroutinefunction(handler) for handler in handlers):
                raise TypeError(f"a handler of {name} is a coroutine function")
            arguments = list(inspect.signature(hook).parameters)
            if len(arguments) == 1:
                self._entries[hook] = (name, arguments[0], handlers)

    def run(self, hook: hooks.Hook) -> None:
        """Calls the handlers of `hook`. Never raises."""
        entry = self._entries.get(type(hook))
        if entry is None:
            return
        name, field, handlers = entry
        data = getattr(hook, field)
        for handler in handlers:
            try:
                handler(data)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:  # noqa: BLE001 - traffic goes on whatever a handler does, a panic included
                self._on_failure(name, error)
