"""Who is answerable and what runs, from the configuration and the environment of this process.

Owns the order in which the sources are believed. Refuses to know processes, containers and the cluster: those are
resolved for traffic seen from outside; this is for the sidecar, which speaks for the one workload beside it.
"""

from collections.abc import Mapping
from urllib.parse import unquote

from tokmeter import _core

NAME_CHARS_MAX = 128
"""Characters of a name that are kept: it becomes a label and a ledger column."""

RESOURCE_ATTRIBUTES_MAX = 64
"""Pairs of OTEL_RESOURCE_ATTRIBUTES that are looked at; real ones hold fewer than twenty."""

SOURCES: dict[str, tuple[str, ...]] = {
    "service": ("TOKMETER_SERVICE", "OTEL_SERVICE_NAME", "resource:service.name"),
    "organization": ("TOKMETER_ORGANIZATION",),
    "user": ("TOKMETER_USER", "resource:enduser.id"),
    "namespace": ("POD_NAMESPACE", "resource:k8s.namespace.name"),
    "pod": ("POD_NAME", "resource:k8s.pod.name"),
    "container": ("CONTAINER_NAME", "resource:k8s.container.name", "resource:container.name"),
}
"""For each field the environment variables (or ``resource:`` attributes) that may name it, best first."""


def attribution(service: str | None, environ: Mapping[str, str]) -> _core.Attribution:
    """The attribution of traffic that only this process's surroundings tell about.

    `service` is the configured name and wins; `environ` is usually `os.environ`.
    """
    found = names(service, environ)
    return _core.Attribution(
        service=found["service"],
        organization=found["organization"],
        user=found["user"],
        namespace=found["namespace"],
        pod=found["pod"],
        container=found["container"],
    )


def names(service: str | None, environ: Mapping[str, str]) -> dict[str, str | None]:
    """The known names by field of `_core.Attribution`; None where nothing says."""
    resource = _resource_attributes(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    found = {
        field: next(filter(None, (_lookup(source, environ, resource) for source in sources)), None)
        for field, sources in SOURCES.items()
    }
    if service:
        found["service"] = clean(service)
    # In a pod the host name is the pod's name unless the pod shares the node's network; the downward API comes first.
    if found["pod"] is None and "KUBERNETES_SERVICE_HOST" in environ:
        found["pod"] = clean(environ.get("HOSTNAME", ""))
    return found


def _lookup(source: str, environ: Mapping[str, str], resource: Mapping[str, str]) -> str | None:
    kind, _, key = source.partition(":")
    return clean(resource.get(key, "")) if kind == "resource" else clean(environ.get(source, ""))


def _resource_attributes(text: str) -> dict[str, str]:
    """Percent-decoded ``key=value,...`` of the OpenTelemetry specification; pairs without ``=`` are skipped."""
    pairs = (pair.partition("=") for pair in text.split(",")[:RESOURCE_ATTRIBUTES_MAX])
    return {key.strip(): unquote(value.strip()) for key, equals, value in pairs if equals}


def clean(name: str) -> str | None:
    """A printable name of bounded length, or None when nothing is left."""
    return "".join(c for c in name if c.isprintable()).strip()[:NAME_CHARS_MAX] or None
