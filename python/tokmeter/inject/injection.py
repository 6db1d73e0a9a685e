"""All pods of a manifest, injected. Knows no file and no option."""

from collections.abc import Iterator
from typing import Any

from tokmeter.inject.annotations import INJECT
from tokmeter.inject.injector import inject
from tokmeter.inject.manifest import Manifest
from tokmeter.inject.outcome import Cluster, Namespace
from tokmeter.inject.patch import add, prefixed
from tokmeter.inject.report import Entry
from tokmeter.inject.settings import Injection
from tokmeter.inject.template import templates


def inject_manifest(manifest: Manifest, namespace: str, injection: Injection, cluster: Cluster) -> list[Entry]:
    """Changes `manifest` and tells what happened. `namespace` is that of objects that name none.

    Who runs this wants the sidecar: namespaces that say nothing count as labelled. One that is described in the manifest
    speaks for itself.
    """
    described = {found.name: found for document in manifest.documents for found in _namespaces(document)}
    entries = []
    for number, document in enumerate(manifest.documents):
        for template in templates(document):
            name = template.namespace or namespace
            where = described.get(name, Namespace(name, labels={INJECT: "enabled"}))
            outcome = inject(template.pod(), where, injection, cluster)
            patch = outcome.patch
            if patch and not isinstance(template.written.get("metadata"), dict):
                patch = [add(("metadata",), {}), *patch]
            manifest.apply(number, prefixed(patch, template.place))
            entries.append(Entry(template, name, outcome))
    return entries


def _namespaces(document: object) -> Iterator[Namespace]:
    if (
        isinstance(document, dict)
        and document.get("kind") == "Namespace"
        and isinstance(document.get("metadata"), dict)
    ):
        metadata = document["metadata"]
        labels = {INJECT: "enabled"} | _texts(metadata.get("labels"))
        yield Namespace(str(metadata.get("name")), labels, _texts(metadata.get("annotations")))
    elif isinstance(document, dict) and isinstance(document.get("items"), list):
        for item in document["items"]:
            yield from _namespaces(item)


def _texts(mapping: Any) -> dict[str, str]:
    return {str(name): str(value) for name, value in mapping.items()} if isinstance(mapping, dict) else {}
