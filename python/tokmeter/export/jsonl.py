"""The event stream: one JSON line for each finished exchange, to whoever listens.

Owns the queues between the traffic and its readers. Refuses to know what a line says and where it is sent.
"""

import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from tokmeter.errors import TokmeterError
from tokmeter.export.limits import SUBSCRIBER_LINES_MAX, SUBSCRIBERS_MAX, WATCH_S


class Subscription:
    """One reader's queue. A context manager: leaving it ends the subscription."""

    def __init__(self, stream: "EventStream", lines_max: int) -> None:
        """Made by `EventStream.subscribe`."""
        self._stream = stream
        self._lines_max = lines_max
        self._lines: deque[str] = deque()
        self._changed = threading.Condition()
        self._ended = False

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self.close()

    @property
    def ended(self) -> bool:
        """Closed, and everything that was queued before has been taken."""
        with self._changed:
            return self._ended and not self._lines

    def get(self, timeout_s: float) -> str | None:
        """The next line; None when none came in time or the subscription has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._ended, timeout_s)
            return self._lines.popleft() if self._lines else None

    def close(self) -> None:
        """Ends it; a waiting `get` returns. Repeating it does nothing."""
        self._stream.forget(self)
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def offer(self, line: str) -> bool:
        """Queues a line; False when the queue is full."""
        with self._changed:
            if len(self._lines) >= self._lines_max:
                return False
            self._lines.append(line)
            self._changed.notify()
            return True


class EventStream:
    """Copies each line to every subscription. A slow reader misses lines, which are counted; it delays nobody."""

    def __init__(
        self, *, subscribers_max: int = SUBSCRIBERS_MAX, subscriber_lines_max: int = SUBSCRIBER_LINES_MAX
    ) -> None:
        """Without readers."""
        self._subscribers_max = subscribers_max
        self._subscriber_lines_max = subscriber_lines_max
        self._lock = threading.Lock()
        self._subscriptions: tuple[Subscription, ...] = ()
        self._dropped = 0
        self._closed = False

    @property
    def subscribers(self) -> int:
        """How many listen: where nobody does, a line need not be made."""
        return len(self._subscriptions)

    @property
    def dropped(self) -> int:
        """Lines that a reader missed, summed over readers."""
        return self._dropped

    def series(self) -> dict[str, list[tuple[tuple[str, ...], int]]]:
        """Its series for the metrics, by their source names in the catalog."""
        return {"event_subscribers": [((), self.subscribers)], "events_dropped": [((), self.dropped)]}

    def publish(self, line: str) -> None:
        """Offers one line, without its newline, to every reader. Never blocks, never raises."""
        for subscription in self._subscriptions:
            if not subscription.offer(line):
                with self._lock:
                    self._dropped += 1

    def subscribe(self) -> Subscription | None:
        """A new reader, from now on; None when there are too many or the stream is closed."""
        with self._lock:
            if self._closed or len(self._subscriptions) >= self._subscribers_max:
                return None
            subscription = Subscription(self, self._subscriber_lines_max)
            self._subscriptions = (*self._subscriptions, subscription)
            return subscription

    def forget(self, subscription: Subscription) -> None:
        """Stops copying to a subscription; called by its `close`."""
        with self._lock:
            self._subscriptions = tuple(s for s in self._subscriptions if s is not subscription)

    def close(self) -> None:
        """Ends every subscription and admits no more."""
        with self._lock:
            self._closed = True
            subscriptions = self._subscriptions
        for subscription in subscriptions:
            subscription.close()


class EventFile:
    """Appends the event stream to a file, on its own thread."""

    def __init__(self, stream: EventStream, path: Path) -> None:
        """Opens `path` and starts. Raises `TokmeterError` when it cannot be written or the stream has no room."""
        subscription = stream.subscribe()
        if subscription is None:
            raise TokmeterError("the event stream has too many readers", where=str(path))
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            subscription.close()
            reason = (error.strerror or "unusable").lower()
            raise TokmeterError(f"the event file cannot be written: {reason}", where=str(path)) from None
        self._subscription = subscription
        self._failed = 0
        self._thread = threading.Thread(target=self._run, name="tokmeter-event-file", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> int:
        """Lines that could not be written."""
        return self._failed

    def close(self, timeout_s: float) -> None:
        """Writes what is queued and closes the file."""
        self._subscription.close()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        begin = b""
        with self._file as file:
            while not self._subscription.ended:
                line = self._subscription.get(WATCH_S)
                if line is None:
                    continue
                data = begin + line.encode(errors="replace") + b"\n"
                try:
                    whole = file.write(data) == len(data)
                except OSError:
                    whole = False
                # What a full disk cut off must not become the beginning of the next line.
                begin = b"" if whole else b"\n"
                self._failed += not whole
