"""Which files the programs are attached to, for whom, and until when."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterator
from time import monotonic
from typing import Final

from tokmeter.capture.ebpf import limits
from tokmeter.capture.ebpf.faults import PRIVILEGES, TracerError
from tokmeter.capture.ebpf.images import Image, Images, Place
from tokmeter.capture.ebpf.loader import Loader
from tokmeter.capture.ebpf.probes import BY_FUNCTION, Probe

NOT_PERMITTED: Final = (errno.EACCES, errno.EPERM)


class Attachments:
    """Attaches each file once: for one process, or for all that use it. Not for several threads, but for `failed`.

    The kernel needs long to detach, so what is not needed any more waits for `detach_next`.
    """

    def __init__(self, loader: Loader, images: Images, *, shared: bool) -> None:
        """With `shared`, a file is attached for all who use it."""
        self._loader = loader
        self._images = images
        self._shared = shared
        self._numbers: dict[tuple[int | None, tuple[int, int]], list[int]] = {}
        self._users: dict[tuple[int, int], set[int]] = {}
        self._idle: dict[tuple[int, int], float] = {}
        """Files that nobody uses any more, and since when."""
        self._leaving: dict[tuple[int, int], list[int]] = {}
        """Files that are attached to for all and need not be: taken back when one is used again before its turn."""
        self._parting: tuple[tuple[int, int], list[int]] | None = None
        """The one of them that is being detached from, and what it is still attached by."""
        self._left: deque[int] = deque()
        """What was attached for one process that has ended. Another one of its id has nothing to do with it."""
        self._failed: set[tuple[int, int]] = set()
        self.failures = 0
        """How often a file could not be attached to."""

    def cover(self, pid: int) -> bool:
        """Attaches to every file with TLS functions of a process; whether it could. Raises `TracerError` if it may not."""
        covered = True
        for image in self._images.of_process(pid):
            self._users.setdefault(image.key, set()).add(pid)
            self._idle.pop(image.key, None)
            owner = None if self._shared else pid
            if (owner, image.key) not in self._numbers:
                if numbers := self._attach(image, owner):
                    self._numbers[owner, image.key] = numbers
                else:
                    covered = False
        return covered

    def release(self, pid: int) -> None:
        """The process is gone: what was for it alone is not needed any more.

        What others may use stays for a while: where one process was short-lived, the next one may be, too.
        """
        for key, users in list(self._users.items()):
            if pid not in users:
                continue
            users.discard(pid)
            self._left.extend(reversed(self._numbers.pop((pid, key), ())))
            if not users:
                del self._users[key]
                self._failed.discard(key)
                self._idle[key] = monotonic()

    def sweep(self) -> None:
        """Files that nobody has used for a while are not needed any more."""
        before = monotonic() - limits.IDLE_FILE_S
        for key in [key for key, since in self._idle.items() if since < before]:
            del self._idle[key]
            if numbers := self._numbers.pop((None, key), None):
                self._leaving[key] = numbers

    def detach_next(self) -> bool:
        """Detaches from one instruction that is not needed any more; whether there was one."""
        if self._left:
            self._loader.detach(self._left.popleft())
            return True
        if self._parting is None and self._leaving:
            self._parting = self._leaving.popitem()
        if self._parting is None:
            return False
        _, numbers = self._parting
        # The begin of a call before its end: what is begun and not ended would be taken for under way.
        self._loader.detach(numbers.pop())
        if not numbers:
            self._parting = None
        return True

    def failed(self, pid: int) -> bool:
        """Whether a file of a process is one that could not be attached to when that was tried last. From any thread."""
        return any(pid in self._users.get(key, ()) for key in list(self._failed))

    @property
    def files(self) -> int:
        """Files that are attached to because they are needed, each counted for every process that has it to itself."""
        return len(self._numbers)

    def _attach(self, image: Image, owner: int | None) -> list[int]:
        """All of its functions or none: half of them would tell half of the truth. None is tried again with the next look."""
        if owner is None:
            if (whole := self._leaving.pop(image.key, None)) is not None:
                return whole
            while self._parting is not None and self._parting[0] == image.key:
                # What is attached twice would tell everything twice.
                self.detach_next()
        elif len(self._left) >= limits.LEAVING_MAX:
            self.failures += 1
            return []
        numbers: list[int] = []
        try:
            for function, place in self._images.functions(image).items():
                for program, offset in _order(BY_FUNCTION[function], place):
                    numbers.append(self._loader.attach_function(program, image.path, offset, owner))
        except OSError as error:
            self._give_up(numbers, owner)
            if error.errno in NOT_PERMITTED:
                raise TracerError(
                    f"the kernel does not let the tracer attach to a function: {error.strerror}",
                    hint=PRIVILEGES,
                ) from error
            # The process by whose files it was reached may have ended.
            self.failures += 1
            self._failed.add(image.key)
            return []
        self._failed.discard(image.key)
        return numbers

    def _give_up(self, numbers: list[int], owner: int | None) -> None:
        if owner is not None:
            self._left.extend(reversed(numbers))
            return
        # Not later: the next one who uses the file attaches to it again.
        for number in reversed(numbers):
            self._loader.detach(number)


def _order(probe: Probe, place: Place) -> Iterator[tuple[str, int]]:
    """Programs and offsets. The end of a call is attached to first: what is begun and not ended would be taken for under way."""
    if probe.leave is not None:
        for offset in place.returns or (place.offset,):
            yield probe.leave, offset
    yield probe.enter, place.offset
