"""What the injector is told: one YAML file, read as strictly as the sidecar's own configuration.

Owns every key, its default and the sentence that documents it, and what must hold between them. Refuses to know pods.
"""

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tokmeter.config import BudgetConfig, Config
from tokmeter.config.document import Document, parse, read
from tokmeter.config.load import validated
from tokmeter.config.shape import closest, structured
from tokmeter.errors import ConfigError
from tokmeter.inject import limits

type Profile = Literal["transparent", "proxy-env", "base-url"]

PORT_MAX = 65_535
UID_MAX = 2**31 - 1

_QUANTITY = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:m|[kMGTPE]|[KMGTPE]i)?")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_OURS = ("service", "store", "budgets", "metrics")
_OUR_PROXY = ("listen", "mode", "ca_dir")


class QuantitiesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Amounts as Kubernetes writes them."""

    cpu: Annotated[str | None, Meta(description="Like `10m`.")] = None
    memory: Annotated[str | None, Meta(description="Like `128Mi`.")] = None


class ResourcesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the sidecar asks for and may use. The requests of a native sidecar are added to those of the pod."""

    requests: Annotated[QuantitiesConfig, Meta(description="Reserved for it; by default `10m` and `128Mi`.")] = (
        QuantitiesConfig(cpu="10m", memory="128Mi")
    )
    # No limit for the processor: throttled, it would slow the application's calls.
    limits: Annotated[
        QuantitiesConfig,
        Meta(description="Never exceeded; by default `512Mi` and any share of the processor."),
    ] = QuantitiesConfig(memory="512Mi")


class Injection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    image: Annotated[str, Meta(description="The image of the sidecar and of the container that redirects.")]
    image_pull_policy: Annotated[
        Literal["Always", "IfNotPresent", "Never"], Meta(description="When the image is pulled.")
    ] = "IfNotPresent"
    profile: Annotated[
        Literal["auto", "transparent", "proxy-env", "base-url"],
        Meta(
            description="How traffic comes to the sidecar where the annotation `tokmeter.io/mode` does not say; `auto` is the "
            "strongest that Pod Security of the namespace admits."
        ),
    ] = "auto"
    native_sidecar: Annotated[
        Literal["auto", "always", "never"],
        Meta(description="Sidecars as init containers that stay; `auto` is from Kubernetes 1.29 on."),
    ] = "auto"
    ports: Annotated[tuple[int, ...], Meta(description="TCP ports to capture; pods may add some.")] = (443,)
    skip_cidrs: Annotated[
        tuple[str, ...],
        Meta(description="Networks whose traffic is left alone, like the cluster's address of the API server."),
    ] = ()
    resources: Annotated[ResourcesConfig, Meta(description="Of the sidecar.")] = ResourcesConfig()
    configuration: Annotated[
        Config,
        Meta(
            description="A `tokmeter.yaml` that every sidecar gets, without what the injector decides: service, store, budgets, "
            "metrics, and listen, mode and ca_dir of the proxy."
        ),
    ] = Config()
    budgets: Annotated[
        tuple[BudgetConfig, ...],
        Meta(description="Budgets that pods may be given by name; each sidecar enforces its own."),
    ] = ()
    default_budgets: Annotated[
        tuple[str, ...], Meta(description="Names of the budgets of pods and namespaces that choose none.")
    ] = ()
    proxy_port: Annotated[int, Meta(description="Port of the proxy, on the loopback address of the pod.")] = 15401
    metrics_port: Annotated[int, Meta(description="Port of metrics and readiness, on the pod's own address.")] = 15490
    uid: Annotated[
        int,
        Meta(description="User and group of the sidecar; its traffic is not redirected, so no other may run as it."),
    ] = 1338
    excluded_namespaces: Annotated[tuple[str, ...], Meta(description="Namespaces where nothing is injected.")] = (
        "kube-system",
        "kube-public",
        "kube-node-lease",
        "tokmeter-system",
    )


def load_injection(path: Path) -> Injection:
    """The settings in `path`. Raises `ConfigError` with file, line, key and a hint."""
    return checked(read(path))


def parse_injection(text: str, path: str) -> Injection:
    """The settings in `text`; `path` is for messages. Raises `ConfigError`."""
    return checked(parse(text, path))


def checked(document: Document) -> Injection:
    """The settings that `document` holds. Raises `ConfigError` for the first mistake."""
    injection = structured(document, Injection)
    for key, what, hint in _mistakes(injection):
        name = document.place(*key).rpartition("key ")[2]
        raise ConfigError(f"{name} {what}", where=document.place(*key), hint=hint)
    validated(injection.configuration, document.part("configuration"))
    validated(Config(budgets=injection.budgets), document)
    return injection


type _Mistake = tuple[tuple[str | int, ...], str, str]


def _mistakes(injection: Injection) -> Iterator[_Mistake]:
    if not injection.image.strip() or injection.image != injection.image.strip() or " " in injection.image:
        yield ("image",), "is not the name of an image", "like registry.example/tokmeter:1.0"
    yield from _network(injection)
    yield from _own_ports(injection)
    for name in ("requests", "limits"):
        quantities: QuantitiesConfig = getattr(injection.resources, name)
        for resource in ("cpu", "memory"):
            amount: str | None = getattr(quantities, resource)
            if amount is not None and not _QUANTITY.fullmatch(amount):
                yield ("resources", name, resource), f"{amount[:40]!r} is no amount", "like 10m or 128Mi"
    yield from _configuration(injection.configuration)
    yield from _budgets(injection)
    for i, name in enumerate(injection.excluded_namespaces):
        if not _NAMESPACE.fullmatch(name):
            yield ("excluded_namespaces", i), f"{name[:70]!r} is not the name of a namespace", "like kube-system"


def _network(injection: Injection) -> Iterator[_Mistake]:
    if not 0 < len(injection.ports) <= limits.PORTS_MAX:
        yield ("ports",), f"must hold 1 to {limits.PORTS_MAX} ports", "like [443]"
    for i, port in enumerate(injection.ports):
        if not 0 < port <= PORT_MAX:
            yield ("ports", i), f"{port} is not a port", "like 443"
    if len(injection.skip_cidrs) > limits.CIDRS_MAX:
        yield ("skip_cidrs",), f"holds more than {limits.CIDRS_MAX} networks", "write larger ones"
    for i, cidr in enumerate(injection.skip_cidrs):
        if not is_network(cidr):
            yield ("skip_cidrs", i), f"{cidr[:60]!r} is not a network", "like 10.96.0.1/32 or fd00::/8"


def _own_ports(injection: Injection) -> Iterator[_Mistake]:
    for name in ("proxy_port", "metrics_port"):
        # Ports below 1024 need a privilege that the sidecar drops.
        if not 1024 <= getattr(injection, name) <= PORT_MAX:
            yield (name,), "is not a port of an ordinary user", "between 1024 and 65535"
    if injection.proxy_port == injection.metrics_port:
        yield ("metrics_port",), "is the proxy's own port", "give them two ports"
    if injection.proxy_port in injection.ports:
        yield ("ports",), "holds the proxy's own port", "the sidecar would reach itself"
    if not 0 < injection.uid <= UID_MAX:
        yield ("uid",), "is not an ordinary user", "like 1338"


def _configuration(configuration: Config) -> Iterator[_Mistake]:
    for name in _OURS:
        if getattr(configuration, name) != getattr(Config(), name):
            hint = "write it at the top of this file" if name == "budgets" else "remove it"
            yield ("configuration", name), "is set by the injector", hint
    for name in _OUR_PROXY:
        if getattr(configuration.proxy, name) != getattr(Config().proxy, name):
            yield ("configuration", "proxy", name), "is set by the injector", "remove it"


def _budgets(injection: Injection) -> Iterator[_Mistake]:
    known = [budget.name for budget in injection.budgets]
    if len(injection.default_budgets) > limits.BUDGETS_MAX:
        yield ("default_budgets",), f"names more than {limits.BUDGETS_MAX} budgets", "a pod has a few"
    for i, name in enumerate(injection.default_budgets):
        if name not in known:
            hint = closest(name, known) if known else "write it under budgets"
            yield ("default_budgets", i), f"{name[:64]!r} is no budget of this file", hint


def is_network(text: str) -> bool:
    """Whether `text` is an address or a network, with no bit beyond its mask set."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True
