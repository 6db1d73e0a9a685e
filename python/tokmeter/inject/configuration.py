"""The configuration that one pod's sidecar runs with. Knows no container."""

from decimal import Decimal

import msgspec

from tokmeter.config import BudgetConfig, Config, MetricsConfig, render
from tokmeter.inject import limits, places
from tokmeter.inject.annotations import Wishes
from tokmeter.inject.outcome import Reason, RefusedError
from tokmeter.inject.settings import Injection, Profile

GRACE_S = 30
"""What Kubernetes waits between asking a pod to stop and killing it, where the pod does not say."""

_MODES: dict[Profile, str] = {"transparent": "transparent", "proxy-env": "regular", "base-url": "base-url"}

MARGIN_S = 5
"""Seconds of that which draining leaves for closing the ledger."""


def configuration(
    injection: Injection, wishes: Wishes, profile: Profile, budgets: tuple[BudgetConfig, ...], grace_s: int | None
) -> str:
    """The text of it. Raises `RefusedError` when a pod cannot carry it."""
    base = injection.configuration
    redirected = profile == "transparent"
    port = injection.proxy_port
    # Redirected connections arrive at the loopback address of their family.
    listen = (f"127.0.0.1:{port}", f"[::1]:{port}") if redirected else f"127.0.0.1:{port}"
    closed = base.proxy.fail_closed if wishes.fail_closed is None else wishes.fail_closed
    proxy = msgspec.structs.replace(
        base.proxy,
        mode=_MODES[profile],
        listen=listen,
        ca_dir=None if profile == "base-url" else places.CA,
        fail_closed=closed,
        drain_s=min(base.proxy.drain_s, Decimal(max(0, (GRACE_S if grace_s is None else grace_s) - MARGIN_S))),
    )
    config: Config = msgspec.structs.replace(
        base,
        mode=wishes.mode or base.mode,
        store=f"sqlite://{places.STATE}/ledger.db",
        budgets=budgets,
        proxy=proxy,
        # The kubelet and Prometheus come to the pod's own address, of either family.
        metrics=MetricsConfig(listen=f"[::]:{injection.metrics_port}"),
    )
    text = render(config)
    if len(text.encode()) > limits.CONFIGURATION_BYTES:
        message = (
            f"the sidecar's configuration is larger than {limits.CONFIGURATION_BYTES} bytes: give the pod fewer budgets"
        )
        raise RefusedError(Reason.BUDGET_NOT_ALLOWED, message)
    return text
