"""The same connection with hooks run in place, instead of each in a task that hands a lock back and forth.

`server_event` does what mitmproxy's does, for handlers that are plain functions; it is a third of the cost of a request.
It is used only where `probe` finds the original it was written against.
"""

import asyncio
from collections import deque

from mitmproxy.proxy import commands, events
from mitmproxy.proxy.server import ConnectionIO

from tokmeter.capture.proxy import faults
from tokmeter.capture.proxy.connection import ClientConnection


class InlineConnection(ClientConnection):
    """A client connection whose hooks run where they arise."""

    async def server_event(self, event: events.Event) -> None:
        """Gives `event` to the layers and carries out their commands, until nothing is left to do."""
        async with self._server_event_lock:
            self.timeout_watchdog.register_activity()
            pending: deque[events.Event] = deque((event,))
            while pending:
                try:
                    for command in self.layer.handle_event(pending.popleft()):
                        self._carry_out(command, pending)
                except Exception as error:  # noqa: BLE001 - one broken event must not end the connection
                    faults.report("a protocol layer", error)
        self._make_room()

    def _carry_out(self, command: commands.Command, pending: deque[events.Event]) -> None:
        if isinstance(command, commands.SendData):
            transport = self.transports.get(command.connection)
            if transport is not None and transport.writer is not None and not transport.writer.is_closing():
                transport.writer.write(command.data)
        elif isinstance(command, commands.StartHook):
            self._shared.hooks.run(command)
            if command.blocking:
                pending.append(events.HookCompleted(command))
        elif isinstance(command, commands.Log):
            pass
        elif isinstance(command, commands.OpenConnection):
            task = asyncio.create_task(self.open_connection(command))
            self.transports[command.connection] = ConnectionIO(handler=task)
        elif isinstance(command, commands.RequestWakeup):
            self.wakeup_timer.add(asyncio.create_task(self.wakeup(command)))
        elif isinstance(command, commands.CloseConnection):
            if command.connection in self.transports:
                half = isinstance(command, commands.CloseTcpConnection) and command.half_close
                self.close_connection(command.connection, half)
        else:
            raise TypeError(type(command).__name__)
