"""The parts of a pod that the injector looks at, with their types. Everything else of it is left unread.

Owns telling that a pod is not one. Refuses to know rules.

None of these types is looked through by the collector (`gc=False`): what is read from a text holds no cycle, and a pod
may have thousands of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, field

from tokmeter.inject.outcome import Reason, RefusedError


class Variable(Struct, frozen=True, gc=False, rename="camel"):
    """One variable of a container."""

    name: str
    value: str | None = None
    value_from: dict[str, Any] | None = None


class Mount(Struct, frozen=True, gc=False, rename="camel"):
    """One volume in a container."""

    name: str
    mount_path: str


class Capabilities(Struct, frozen=True, gc=False):
    """Privileges added to a container."""

    add: list[str] | None = None


class ContainerSecurity(Struct, frozen=True, gc=False, rename="camel"):
    """As whom a container runs."""

    run_as_user: int | None = None
    privileged: bool | None = None
    capabilities: Capabilities | None = None


class Port(Struct, frozen=True, gc=False, rename="camel"):
    """One port that a container says it serves."""

    container_port: int


class Container(Struct, frozen=True, gc=False, rename="camel"):
    """One container."""

    name: str
    image: str | None = None
    command: list[str] | None = None
    args: list[str] | None = None
    env: list[Variable] | None = None
    env_from: list[Any] | None = None
    volume_mounts: list[Mount] | None = None
    security_context: ContainerSecurity | None = None
    ports: list[Port] | None = None
    restart_policy: str | None = None

    def variable(self, name: str) -> Variable | None:
        """The variable of that name; the last one wins, as in the kubelet."""
        return next((variable for variable in reversed(self.env or ()) if variable.name == name), None)


class PodSecurity(Struct, frozen=True, gc=False, rename="camel"):
    """As whom containers run that do not say it themselves."""

    run_as_user: int | None = None


class Os(Struct, frozen=True, gc=False):
    """The operating system."""

    name: str | None = None


class Volume(Struct, frozen=True, gc=False):
    """One volume."""

    name: str


class Spec(Struct, frozen=True, gc=False, rename="camel"):
    """What runs."""

    containers: list[Container]
    init_containers: list[Container] | None = None
    volumes: list[Volume] | None = None
    host_network: bool | None = None
    host_pid: bool | None = field(default=None, name="hostPID")
    share_process_namespace: bool | None = None
    os: Os | None = None
    node_selector: dict[str, str] | None = None
    security_context: PodSecurity | None = None
    termination_grace_period_seconds: int | None = None


class Owner(Struct, frozen=True, gc=False):
    """Who made the pod."""

    kind: str = ""
    name: str = ""
    controller: bool | None = None


class Metadata(Struct, frozen=True, gc=False, rename="camel"):
    """What it is called."""

    name: str | None = None
    generate_name: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None


class Pod(Struct, frozen=True, gc=False):
    """A pod, or the template of pods."""

    spec: Spec
    metadata: Metadata | None = None

    @property
    def labels(self) -> Mapping[str, str]:
        """The labels; none where there are none."""
        return (self.metadata and self.metadata.labels) or {}

    @property
    def annotations(self) -> Mapping[str, str]:
        """The annotations; none where there are none."""
        return (self.metadata and self.metadata.annotations) or {}

    def containers(self) -> Iterator[Container]:
        """Init containers first, as they start."""
        yield from self.spec.init_containers or ()
        yield from self.spec.containers


def read(pod: Mapping[str, Any] | Pod) -> Pod:
    """`pod` with types. Raises `RefusedError` when it is not a pod."""
    found = pod if isinstance(pod, Pod) else _converted(pod)
    if not found.spec.containers:
        raise RefusedError(Reason.MALFORMED, "this is not a pod: it has no containers")
    return found


def _converted(pod: Mapping[str, Any]) -> Pod:
    try:
        return msgspec.convert(pod, Pod)
    except msgspec.ValidationError as error:
        message = f"this is not a pod: {str(error)[0].lower()}{str(error)[1:]}; the API server would not take it either"
        raise RefusedError(Reason.MALFORMED, message) from None
    except RecursionError:
        raise RefusedError(Reason.MALFORMED, "this is not a pod: it is nested too deeply") from None
