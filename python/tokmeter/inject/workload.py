"""Which service a pod belongs to, by its labels, its owner, or its own name. Asks nobody."""

import re

from tokmeter.inject.pod import Owner, Pod

LABELS = ("app.kubernetes.io/name", "app")
"""Labels that name a service, best first."""

_OF_CRON_JOB = re.compile(r"-[0-9]{8}$")
"""What a CronJob appends to the names of its jobs: minutes since 1970."""


def service(pod: Pod) -> str | None:
    """The name of the service; None when the pod's own name, which is not known yet, is all there is."""
    for label in LABELS:
        if pod.labels.get(label):
            return pod.labels[label]
    metadata = pod.metadata
    if metadata is None:
        return None
    owner = next((owner for owner in metadata.owner_references or () if owner.controller), None)
    if owner is not None:
        return _without_suffix(owner, pod)
    generated = (metadata.generate_name or "").rstrip("-.")
    return generated or metadata.name


def _without_suffix(owner: Owner, pod: Pod) -> str:
    """The name of the Deployment behind a ReplicaSet, and of the CronJob behind a Job."""
    if owner.kind == "ReplicaSet":
        return owner.name.removesuffix(f"-{pod.labels.get('pod-template-hash', '')}")
    if owner.kind == "Job":
        return _OF_CRON_JOB.sub("", owner.name)
    return owner.name
