"""The container that tells the kernel to redirect, before anything else of the pod starts. The rules are `ruleset`'s.

It is root with one capability. Capabilities of another user would not survive the start of an interpreter, because
Kubernetes cannot grant ambient ones.
"""

from typing import Any

from tokmeter.inject import places
from tokmeter.inject.annotations import Wishes
from tokmeter.inject.settings import Injection
from tokmeter.inject.sidecar import hardened, resources


def redirect(injection: Injection, wishes: Wishes) -> dict[str, Any]:
    """The init container."""
    return {
        "name": places.REDIRECT,
        "image": injection.image,
        "imagePullPolicy": injection.image_pull_policy,
        "command": [
            "tokmeter",
            "redirect",
            f"--to={injection.proxy_port}",
            f"--uid={injection.uid}",
            *(f"--port={port}" for port in wishes.ports),
            *(f"--skip={cidr}" for cidr in wishes.skip_cidrs),
        ],
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": resources(injection),
        "securityContext": {
            **hardened(),
            "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
            "runAsUser": 0,
            "runAsGroup": 0,
            "runAsNonRoot": False,
        },
        "volumeMounts": [places.mount(places.EMPTY_VOLUME, places.SERVICE_ACCOUNT, read_only=True)],
    }
