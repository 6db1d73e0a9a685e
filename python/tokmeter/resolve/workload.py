"""What ran: one process with everything that is known of where it belongs. Knows how to say it as an attribution.

Names come from the host, with one exception: a service named in a process's environment, and a user named in a
container's own passwd, are what the workload says of itself. A budget that must not be evaded is scoped by namespace,
pod or container.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokmeter import _core
from tokmeter.attribution import clean
from tokmeter.resolve.pod import owner
from tokmeter.resolve.unit import Unit


@dataclass(frozen=True, slots=True)
class Workload:
    """None where nothing tells. `start_time` is in ticks since boot; with `pid` it identifies a process for good."""

    pid: int
    start_time: int
    parent: int
    process: str | None = None
    declared_service: str | None = None
    uid: int | None = None
    user: str | None = None
    cgroup: str | None = None
    container_id: str | None = None
    runtime: str | None = None
    container: str | None = None
    pod_uid: str | None = None
    pod: str | None = None
    namespace: str | None = None
    unit: Unit | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every container and pod it is in has a name: names are written a moment after the process starts."""
        return (self.container_id is None or self.container is not None) and (
            self.pod_uid is None or (self.pod is not None and self.namespace is not None)
        )

    @property
    def service(self) -> str | None:
        """What it is part of: the declared service, else the pod's owner, the container, the unit, the program."""
        owned = owner(self.pod) if self.pod else None
        unit = self.unit.service if self.unit else None
        return clean(self.declared_service or owned or self.container or unit or self.process or "")

    @property
    def container_label(self) -> str | None:
        """The container's name, else the short form of its id."""
        return self.container or (self.container_id[:12] if self.container_id else None)

    def attribution(self) -> _core.Attribution:
        """Who is answerable and what ran, for the ledger."""
        return _core.Attribution(
            service=self.service,
            pid=self.pid,
            process=self.process,
            container=self.container_label,
            pod=self.pod,
            namespace=self.namespace,
            user=self.user,
        )
