"""The kernel's stop: processes whose budget is exhausted get no new connections to LLMs, and lose those that they have.

Refused is what goes to the addresses of `addresses`, with its limits, by whoever a budget applies to among the processes that are
traced, and by their children. Budgets are read, never changed: what is metered after the fact is stopped after the fact, and
an answer that is on its way when the limit is reached is cut off. Without effect are connections made by others for a process
(a local proxy, a mesh's sidecar), and sockets that it hands to others.

For the tracer's thread alone. Everything ends with the loader: its programs, and with them each refusal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from tokmeter.capture.ebpf.addresses import Addresses, Destination, key
from tokmeter.capture.ebpf.faults import TracerError
from tokmeter.capture.ebpf.images import is_process
from tokmeter.capture.ebpf.scopes import Scopes, Stop, Subject
from tokmeter.capture.ebpf.sockets import close_connections

PROGRAMS: Final = ("stop_connect4", "stop_connect6")
PROCESSES: Final = Path("/proc")
MOUNTS: Final = Path("/proc/self/mounts")
HINT: Final = (
    "it needs Linux 6.10 or newer with CONFIG_CGROUP_BPF, CAP_BPF and CAP_NET_ADMIN; or enforce with `tokmeter proxy`"
)


class Hooks(Protocol):
    """What of a loader is used."""

    def attach_group(self, program: str, group: Path) -> int:
        """See `Loader`."""

    def detach(self, attachment: int) -> None:
        """See `Loader`."""

    def stop(self, process: int) -> None:
        """See `Loader`."""

    def resume(self, process: int) -> None:
        """See `Loader`."""

    def stopped(self) -> list[int]:
        """See `Loader`."""

    def refuse(self, destination: tuple[int, int, int]) -> None:
        """See `Loader`."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What is stopped at an instant."""

    budgets: tuple[str, ...] = ()
    """Exhausted accounts, whether they stop a process or not."""
    processes: int = 0
    closed: int = 0
    """Connections closed since the start."""


class KernelStop:
    """`attach` once, then `turn` again and again."""

    def __init__(
        self,
        scopes: Scopes,
        accounts: Callable[[], Iterable[Mapping[str, Any]]],
        subject: Callable[[int], Subject | None],
        addresses: Addresses,
        *,
        close: Callable[[Path, Callable[[Destination], bool]], int] = close_connections,
        mounts: Path = MOUNTS,
    ) -> None:
        """`accounts` gives the budgets' accounts now, as a snapshot lists them; `subject` tells of a process."""
        self._scopes = scopes
        self._accounts = accounts
        self._subject = subject
        self._addresses = addresses
        self._close = close
        self._mounts = mounts
        self._stops: frozenset[Stop] = frozenset()
        self._doubted: set[int] = set()
        """Stopped processes that nothing applied to when they were last looked at."""
        self._refused: set[Destination] = set()
        self._closed = 0
        self.state = Stopped()
        """Replaced as a whole: other threads may read it."""

    def attach(self, hooks: Hooks) -> None:
        """At the root of control groups, so that a process is met wherever it is put. Raises `TracerError`."""
        group = root(self._mounts)
        attached = []
        for program in PROGRAMS:
            try:
                attached.append(hooks.attach_group(program, group))
            except OSError as error:
                for number in attached:
                    hooks.detach(number)
                raise TracerError(
                    f"the kernel does not let the tracer refuse connections: {str(error).splitlines()[0]}",
                    where=str(group),
                    hint=HINT,
                ) from error

    def turn(self, hooks: Hooks, processes: Iterable[int]) -> None:
        """Stops those of `processes` that an exhausted budget applies to, and resumes all others."""
        stops = self._scopes.stops(self._accounts())
        renewed, self._stops = stops != self._stops, stops
        before = set(hooks.stopped()) if self._stops or self.state.processes else set()
        # Children that the kernel stopped by itself are judged like all others; of threads it does so, too, for nothing.
        candidates = before.union(processes) if self._stops else ()
        chosen = {pid for pid in candidates if is_process(pid) and self._applies(pid)}
        # One look is not enough: a process that is just becoming another program has no environment for a moment.
        doubted = before - chosen
        for pid in doubted if renewed or not self._stops else doubted & self._doubted:
            hooks.resume(pid)
        self._doubted = doubted
        if chosen:
            self._addresses.refresh()
            for pid in chosen:
                self._addresses.read_hosts_of(pid)
            self._refuse(hooks)
            stopped = self._stop(hooks, chosen)
        else:
            stopped = 0
        self.state = Stopped(tuple(sorted(map(str, self._stops))), stopped, self._closed)

    def turn_if_changed(self, hooks: Hooks, processes: Iterable[int]) -> None:
        """The same where an exchange has ended, only if that exhausted a budget."""
        if self._scopes.stops(self._accounts()) != self._stops:
            self.turn(hooks, processes)

    def close(self) -> None:
        """Lets go of what it holds outside of the kernel."""
        self._addresses.close()

    def _applies(self, pid: int) -> bool:
        subject = self._subject(pid)
        return subject is not None and any(stop.applies_to(subject) for stop in self._stops)

    def _refuse(self, hooks: Hooks) -> None:
        for destination in self._addresses.known() - self._refused:
            # A full table refuses what it has; there is room for more than is ever asked for.
            with contextlib.suppress(OSError):
                hooks.refuse(key(destination))
            self._refused.add(destination)

    def _stop(self, hooks: Hooks, chosen: set[int]) -> int:
        stopped = 0
        for pid in chosen:
            with contextlib.suppress(OSError):
                hooks.stop(pid)
                stopped += 1
        # Each time: an address may have become known only now, and a socket may have come from a process that was not stopped.
        for pid in chosen:
            self._closed += self._close(PROCESSES / str(pid), self._refused.__contains__)
        return stopped


def root(mounts: Path) -> Path:
    """Where control groups of version 2 are mounted; also beside those of version 1. Raises `TracerError`."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, place, kind, *_ = (*line.split(), "", "", "")
        if kind == "cgroup2":
            return Path(place)
    raise TracerError("there are no control groups of version 2 to refuse connections in", where="cgroup2", hint=HINT)
