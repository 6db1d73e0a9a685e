"""Where the pods of a workload are described, by its kind. Knows no text and no rule."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

type Path = tuple[str | int, ...]

_TEMPLATES: dict[tuple[str, str], Path] = {
    ("", "Pod"): (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): ("spec", "template"),
    ("apps", "DaemonSet"): ("spec", "template"),
    ("apps", "Deployment"): ("spec", "template"),
    ("apps", "ReplicaSet"): ("spec", "template"),
    ("apps", "StatefulSet"): ("spec", "template"),
    ("batch", "CronJob"): ("spec", "jobTemplate", "spec", "template"),
    ("batch", "Job"): ("spec", "template"),
}
"""API group and kind to where the template is."""


@dataclass(frozen=True, slots=True)
class Template:
    """The pods of one object of a manifest."""

    kind: str
    name: str
    namespace: str | None
    place: Path
    """Where it is in its document."""
    written: Mapping[str, Any]
    """As it is there."""

    def pod(self) -> dict[str, Any]:
        """A pod of it, as a webhook would see it: named, and owned by the object that makes it."""
        metadata = self.written.get("metadata")
        seen: dict[str, Any] = dict(metadata) if isinstance(metadata, dict) else {}
        if self.kind != "Pod":
            seen["ownerReferences"] = [{"kind": self.kind, "name": self.name, "controller": True}]
        return {"metadata": seen, "spec": self.written.get("spec")}


def templates(document: object, place: Path = ()) -> Iterator[Template]:
    """The templates in `document`, in order; inside a List, those of its items."""
    if not isinstance(document, dict):
        return
    kind, items = document.get("kind"), document.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        for i, item in enumerate(items):
            yield from templates(item, (*place, "items", i))
        return
    group = str(document.get("apiVersion", "")).rpartition("/")[0]
    where = _TEMPLATES.get((group, kind)) if isinstance(kind, str) else None
    if where is None:
        return
    written: Any = document
    for part in where:
        written = written.get(part) if isinstance(written, dict) else None
    metadata = document.get("metadata")
    named = metadata if isinstance(metadata, dict) else {}
    yield Template(
        kind=str(kind),
        name=str(named.get("name") or named.get("generateName") or "-"),
        namespace=str(named["namespace"]) if named.get("namespace") else None,
        place=(*place, *where),
        written=written if isinstance(written, dict) else {},
    )
