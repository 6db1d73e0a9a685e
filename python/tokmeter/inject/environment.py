"""What a container of the application gets: variables, and the mount of the trust files where it has to trust.

Owns what is wanted, and what stands in its way: a variable that a container has already is left as it is and told, whatever
it holds. The variables themselves are `tokmeter.variables`' to know.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from tokmeter.inject import places
from tokmeter.inject.annotations import Wishes
from tokmeter.inject.outcome import Reason, RefusedError
from tokmeter.inject.pod import Container, Variable
from tokmeter.inject.settings import Injection, Profile
from tokmeter.variables import (
    LOCAL,
    TrustPaths,
    base_url_variables,
    java_proxy,
    java_trust,
    node_preload,
    proxy_variables,
    trust_variables,
)

SCHEMES = ("https",)
"""Plain HTTP stays as it is: in a cluster that is mostly the pods' own conversation."""

CLUSTER_LOCAL = (*LOCAL, ".svc", ".cluster.local", "$(KUBERNETES_SERVICE_HOST)")
"""What needs no proxy. The last one is filled in by Kubernetes: the API server's address."""

_PAIRS = {name: name.swapcase() for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy")}
_NAME = attrgetter("name")

_HERE = "http://127.0.0.1:"
_AZURE = "AZURE_OPENAI_ENDPOINT"
_PLAIN_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
"""What sends plain HTTP elsewhere, base URLs with it."""


@dataclass(frozen=True, slots=True)
class Missing:
    """What one container lacks."""

    variables: list[dict[str, str]]
    mount: dict[str, Any] | None
    warnings: list[str]


def variables(injection: Injection, wishes: Wishes, profile: Profile) -> dict[str, str]:
    """The variables of every container of the application."""
    url = f"{_HERE}{injection.proxy_port}"
    if profile == "base-url":
        return base_url_variables(url)
    paths = TrustPaths.under(places.TRUST)
    wanted = trust_variables(paths)
    java = java_trust(paths)
    if profile == "proxy-env":
        wanted |= proxy_variables(url, SCHEMES)
        exempt = ",".join((*CLUSTER_LOCAL, *wishes.skip_cidrs))
        wanted |= {"NO_PROXY": exempt, "no_proxy": exempt, "NODE_OPTIONS": node_preload(paths)}
        java += [*java_proxy(url, SCHEMES), "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|*.svc|*.cluster.local"]
    wanted["JAVA_TOOL_OPTIONS"] = " ".join(java)
    return wanted


def missing(container: Container, wanted: dict[str, str], *, trust: bool) -> Missing:
    """What `container` lacks of `wanted`, and with `trust` of the mount.

    Raises `RefusedError` when something else is mounted there.
    """
    # The last one of a name wins, as in the kubelet.
    there = _named(container.env or [], wanted)
    lacking: list[dict[str, str]] = []
    kept: list[str] = []
    for name, value in wanted.items():
        own = there.get(name)
        # A program that knows one spelling of the two must not be sent elsewhere than its owner said in the other.
        twin = there.get(_PAIRS[name]) if name in _PAIRS else None
        if own is not None:
            if own.value != value:
                kept.append(name)
        elif twin is None or twin.value == value:
            lacking.append({"name": name, "value": value})
    warnings = [*_warnings(container, kept), *(() if trust else _ways_round(container))]
    return Missing(lacking, _mount(container) if trust else None, warnings)


def _named(own: list[Variable], wanted: dict[str, str]) -> dict[str, Variable]:
    """Of a container's variables, those that matter. It may have thousands of which none does."""
    names = {*wanted, *(_PAIRS[name] for name in wanted if name in _PAIRS)}
    if names.isdisjoint(map(_NAME, own)):
        return {}
    return {variable.name: variable for variable in own if variable.name in names}


def _mount(container: Container) -> dict[str, Any] | None:
    for mount in container.volume_mounts or ():
        if mount.mount_path.rstrip("/") == places.TRUST:
            if mount.name != places.TRUST_VOLUME:
                message = f"the container {container.name} mounts the volume {mount.name} at {places.TRUST}: move it"
                raise RefusedError(Reason.NAME_TAKEN, message)
            return None
    return places.mount(places.TRUST_VOLUME, places.TRUST, read_only=True)


def _warnings(container: Container, kept: Sequence[str]) -> Iterator[str]:
    if kept:
        yield f"the container {container.name} sets {', '.join(kept)} itself: left alone, what reads that may not be metered"
    if container.env_from:
        yield f"the container {container.name} has envFrom: of variables that are ours too, ours win"


def _ways_round(container: Container) -> Iterator[str]:
    """Variables of its own that lead calls past base URLs."""
    azure = container.variable(_AZURE)
    if azure is not None and not (azure.value or "").startswith(_HERE):
        yield f"the container {container.name} sets {_AZURE}: what reads that goes round the sidecar"
    told = [name for name in _PLAIN_PROXIES if container.variable(name) is not None]
    exempt = (container.variable("no_proxy"), container.variable("NO_PROXY"))
    if told and not any(variable and LOCAL[1] in (variable.value or "") for variable in exempt):
        yield f"the container {container.name} sets {', '.join(told)}: add {LOCAL[1]} to its NO_PROXY, or no call finds the sidecar"
