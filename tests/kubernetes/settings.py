"""What the injector of these tests is told."""

from typing import Any

import yaml

from tests.kubernetes import images
from tests.kubernetes.material import UPSTREAM_CA

CALLS = 3
"""Requests that the budget `few` allows each pod, and `few-for-thrifty` the pods of one service."""


def injection(**more: Any) -> dict[str, Any]:
    """The settings, as in a file."""
    total = {"period": "total"}
    return {
        "image": images.TOKMETER,
        "image_pull_policy": "Never",
        "configuration": {"proxy": {"upstream_ca": UPSTREAM_CA}},
        "budgets": [
            {"name": "few", "scope": {}, "limit": {"requests": CALLS}, "window": total},
            {"name": "few-for-thrifty", "scope": {"service": "thrifty"}, "limit": {"requests": CALLS}, "window": total},
            {"name": "plenty", "scope": {}, "limit": {"usd": 100}, "window": total},
        ],
        "default_budgets": ["plenty"],
        **more,
    }


def text(**more: Any) -> str:
    """The same, as a file holds it."""
    return yaml.safe_dump(injection(**more))
