"""How many bytes of bodies are held at once, over all connections. Knows no connection."""

import threading


class Room:
    """A bound on a sum. Safe from any thread."""

    def __init__(self, bytes_max: int) -> None:
        self._changed = threading.Condition()
        self._left = bytes_max

    def take(self, amount: int, patience_s: float) -> bool:
        """Takes `amount`, waiting for others to give some back; False when none did in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: amount <= self._left, patience_s):
                return False
            self._left -= amount
            return True

    def give(self, amount: int) -> None:
        """Gives it back."""
        with self._changed:
            self._left += amount
            self._changed.notify_all()
