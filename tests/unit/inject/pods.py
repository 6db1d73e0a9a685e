"""Pods, settings and namespaces that tests of the injector begin with."""

from __future__ import annotations

from typing import Any

from tokmeter.inject import Cluster, Injection, Namespace, parse_injection
from tokmeter.inject.pod import Pod, read

NEW, OLD = Cluster((1, 34)), Cluster((1, 28))

SETTINGS = """\
image: registry.example/tokmeter:1.0
skip_cidrs: [10.96.0.1/32]
configuration:
  providers:
    - {host: llm.internal:8000, dialect: openai, name: vllm, rates: {input: 0.10, output: 0.30}}
budgets:
  - name: service-daily
    scope: {service: "*"}
    limit: {usd: 50}
    window: {period: day, timezone: Europe/Berlin}
  - {name: small, limit: {usd: 0.5}, window: {period: day}}
  - {name: rich, limit: {usd: 5000}, window: {period: day}}
default_budgets: [service-daily]
"""

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


def settings(more: str = "") -> Injection:
    """The settings above, with more keys."""
    return parse_injection(SETTINGS + more, "injection.yaml")


def namespace(labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> Namespace:
    """A namespace that asks for injection."""
    return Namespace("shop", {"tokmeter.io/inject": "enabled"} | (labels or {}), annotations or {})


def pod(annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    """A pod of a Deployment, as a webhook sees it; `spec` replaces parts of its own."""
    written: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": "checkout-7d9f8b6c5d-",
            "labels": {"pod-template-hash": "7d9f8b6c5d"},
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": "checkout-7d9f8b6c5d",
                    "uid": "u",
                    "controller": True,
                }
            ],
        },
        "spec": {"containers": [container()]} | spec,
    }
    if annotations is not None:
        written["metadata"]["annotations"] = annotations
    return written


def container(name: str = "app", **more: Any) -> dict[str, Any]:
    """A container that Pod Security `restricted` admits."""
    return {
        "name": name,
        "image": "registry.example/app:1",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    } | more


def typed(written: dict[str, Any]) -> Pod:
    """The same with types."""
    return read(written)
