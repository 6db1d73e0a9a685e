"""The annotation that says what was injected, and how it is told again from what somebody else wrote.

Owns its form and the hash of what was rendered. Refuses to know how it is rendered.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from tokmeter import __version__
from tokmeter.config.load import TEXT_VARIABLE
from tokmeter.inject import places
from tokmeter.inject.annotations import STATUS
from tokmeter.inject.outcome import Reason, RefusedError
from tokmeter.inject.pod import Container, Pod

_HASH_CHARS = 16


def template_hash(rendered: object) -> str:
    """A short name of `rendered`: same settings and same wishes, same name."""
    text = json.dumps(rendered, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARS]


def status(name: str, profile: str, containers: Iterable[str], warnings: Iterable[str]) -> str:
    """The annotation's value."""
    held = {
        "version": __version__,
        "hash": name,
        "profile": profile,
        "containers": list(containers),
        "warnings": list(warnings),
    }
    return json.dumps(held, separators=(",", ":"))


def injected_before(pod: Pod, name: str, ours: list[Mapping[str, Any]], volumes: int) -> bool:
    """Whether `pod` has the containers `ours` already, and that many volumes of ours.

    Raises `RefusedError` when something of theirs is there that is not what would be injected now.
    """
    found = {container.name: container for container in pod.containers() if container.name in _NAMES}
    taken = [volume.name for volume in pod.spec.volumes or () if volume.name in _VOLUMES]
    told = pod.annotations.get(STATUS)
    if told is None:
        for what, names in (("container", list(found)), ("volume", taken)):
            if names:
                message = f"the pod has a {what} named {names[0]} that is not the injector's: rename it"
                raise RefusedError(Reason.NAME_TAKEN, message)
        return False
    if not found:
        message = f"{STATUS} is there and the sidecar is not: remove the annotation, which only the injector writes"
        raise RefusedError(Reason.INVALID_ANNOTATION, message)
    if _hash(told) != name:
        message = "the pod was injected before, by other settings or another version: left as it is; inject it anew from its source"
        raise RefusedError(Reason.INJECTED_OTHERWISE, message)
    # The annotation alone proves nothing: whoever writes the pod may write it.
    for container in ours:
        if not _alike(container, found.get(container["name"])) or len(taken) != volumes:
            message = f"the container {container['name']} is not what the injector makes: remove it and {STATUS}"
            raise RefusedError(Reason.NAME_TAKEN, message)
    return True


_NAMES = {places.SIDECAR, places.REDIRECT}
_VOLUMES = {volume["name"] for volume in places.VOLUMES}


def _hash(told: str) -> object:
    try:
        held = json.loads(told)
    except (ValueError, RecursionError):
        return None
    return held.get("hash") if isinstance(held, dict) else None


def _alike(made: Mapping[str, Any], found: Container | None) -> bool:
    """Whether the parts agree that an API server leaves as they are written."""
    if found is None or found.image != made["image"]:
        return False
    text = next((variable["value"] for variable in made.get("env", ()) if variable["name"] == TEXT_VARIABLE), None)
    own = found.variable(TEXT_VARIABLE)
    user = found.security_context.run_as_user if found.security_context else None
    return (
        (own.value if own else None) == text
        and found.command == made["command"]
        and not found.args
        and user == made["securityContext"]["runAsUser"]
        and found.restart_policy == made.get("restartPolicy")
    )
