"""Which files the programs are attached to, for whom, and until when."""

from __future__ import annotations

import errno
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
    """Attaches each file once: for one process, or for all that use it. Not for several threads."""

    def __init__(self, loader: Loader, images: Images, *, shared: bool) -> None:
        """With `shared`, a file is attached for all who use it."""
        self._loader = loader
        self._images = images
        self._shared = shared
        self._numbers: dict[tuple[int | None, tuple[int, int]], list[int]] = {}
        self._users: dict[tuple[int, int], set[int]] = {}
        self._idle: dict[tuple[int, int], float] = {}
        """Files that nobody uses any more, and since when."""
        self._failed: set[tuple[int, int]] = set()
        self.failures = 0
        """How often a file could not be attached to."""

    def cover(self, pid: int) -> int:
        """Attaches to every file with TLS functions of a process; how many it has. Raises `TracerError` if it may not."""
        images = self._images.of_process(pid)
        for image in images:
            self._users.setdefault(image.key, set()).add(pid)
            self._idle.pop(image.key, None)
            owner = None if self._shared else pid
            if (owner, image.key) not in self._numbers and (numbers := self._attach(image, owner)):
                self._numbers[owner, image.key] = numbers
        return len(images)

    def release(self, pid: int) -> None:
        """The process is gone: detaches what was for it alone.

        What others may use stays for a while: where one process was short-lived, the next one may be, too.
        """
        for key, users in list(self._users.items()):
            if pid not in users:
                continue
            users.discard(pid)
            self._detach(pid, key)
            if not users:
                del self._users[key]
                self._failed.discard(key)
                self._idle[key] = monotonic()

    def sweep(self) -> None:
        """Detaches files that nobody has used for a while."""
        before = monotonic() - limits.IDLE_FILE_S
        for key in [key for key, since in self._idle.items() if since < before]:
            del self._idle[key]
            self._detach(None, key)

    def failed(self, pid: int) -> bool:
        """Whether a file of a process is one that could not be attached to when that was tried last."""
        return any(pid in self._users.get(key, ()) for key in self._failed)

    @property
    def files(self) -> int:
        """Files that are attached to, each counted for every process that has it to itself."""
        return len(self._numbers)

    def _attach(self, image: Image, owner: int | None) -> list[int]:
        """All of its functions or none: half of them would tell half of the truth. None is tried again with the next look."""
        numbers: list[int] = []
        for function, place in self._images.functions(image).items():
            for program, offset in _order(BY_FUNCTION[function], place):
                try:
                    numbers.append(self._loader.attach_function(program, image.path, offset, owner))
                except OSError as error:
                    for number in numbers:
                        self._loader.detach(number)
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

    def _detach(self, owner: int | None, key: tuple[int, int]) -> None:
        for number in self._numbers.pop((owner, key), ()):
            self._loader.detach(number)


def _order(probe: Probe, place: Place) -> Iterator[tuple[str, int]]:
    """Programs and offsets. The end of a call is attached to first: what is begun and not ended would be taken for under way."""
    if probe.leave is not None:
        for offset in place.returns or (place.offset,):
            yield probe.leave, offset
    yield probe.enter, place.offset
