"""The configuration in the core's own types.

Owns the translation, and telling which key the core refused. Refuses to know files.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tokmeter import _core
from tokmeter.config.address import host_and_port
from tokmeter.config.rules import Key
from tokmeter.config.schema import (
    MODES,
    AttributionConfig,
    BudgetConfig,
    Config,
    Mode,
    PoliciesConfig,
    PriceAs,
    ProviderConfig,
)


@dataclass(frozen=True, slots=True)
class MeterArguments:
    """What a `_core.Meter` is built from, beside its price book and seed."""

    budgets: list[_core.Budget]
    policies: _core.Policies
    hosts: list[_core.HostRule]


class RefusedError(ValueError):
    """The core does not accept the value of a key."""

    def __init__(self, key: Key, reason: str) -> None:
        """`key` by its parts; `reason` in the core's words."""
        super().__init__(reason)
        self.key = key


def meter_arguments(config: Config) -> MeterArguments:
    """`config` for the core. Raises `RefusedError`; never for a configuration that came from `load`."""
    return MeterArguments(
        budgets=[_made(("budgets", i), budget, b, config.mode) for i, b in enumerate(config.budgets)],
        policies=_made(("policies",), policies, config.policies, config.attribution, config.mode),
        hosts=[_made(("providers", i), host_rule, p) for i, p in enumerate(config.providers) if p.dialect is not None],
    )


def unknown_hosts(config: Config, arguments: MeterArguments) -> list[Key]:
    """Entries that only say where to connect, for hosts that nothing is metered at."""
    bare = [(i, p) for i, p in enumerate(config.providers) if p.dialect is None]
    if not bare:
        return []
    meter = _core.Meter(price_book=_core.PriceBook.embedded(), hosts=arguments.hosts, seed=bytes(16))
    return [("providers", i, "host") for i, p in bare if not meter.knows_host(*host_and_port(p.host))]


def connect_to(config: Config) -> dict[str, str]:
    """Where to connect instead: ``address:port`` by host or ``host:port`` as configured, lower-cased."""
    return {p.host.lower(): p.connect_to for p in config.providers if p.connect_to is not None}


def upstreams(config: Config) -> dict[str, str]:
    """Origins of the providers that a base URL can name: ``scheme://host:port`` by name. The first of a name counts."""
    found: dict[str, str] = {}
    for p in config.providers:
        # A suffix is no host, and a slash ends a name in a path.
        if p.name is not None and "/" not in p.name and not p.host.startswith("."):
            found.setdefault(p.name, f"{'https' if p.tls else 'http'}://{p.host.lower()}")
    return found


def budget(budget: BudgetConfig, ceiling: Mode) -> _core.Budget:
    """One budget, acting no more strictly than `ceiling`. Raises `ValueError`."""
    scope = ((name, getattr(budget.scope, name)) for name in budget.scope.__struct_fields__)
    return _core.Budget(
        budget.name,
        scope=[(name, value) for name, value in scope if value is not None],
        period=budget.window.period,
        usd=None if budget.limit.usd is None else f"{budget.limit.usd:f}",
        tokens=budget.limit.tokens,
        requests=budget.limit.requests,
        timezone=budget.window.timezone,
        mode=min(budget.mode, ceiling, key=MODES.index),
        alert_at=[f"{fraction:f}" for fraction in budget.alert_at],
    )


def policies(policies: PoliciesConfig, attribution: AttributionConfig, mode: Mode) -> _core.Policies:
    """The policies. Raises `ValueError`."""
    unpriced = policies.unpriced
    word = f"price_as:{unpriced.price_as}" if isinstance(unpriced, PriceAs) else unpriced
    return _core.Policies(
        unpriced=word,
        include_usage=policies.include_usage,
        unknown_paths=policies.unknown_paths,
        plain_users=attribution.users == "plain",
        mode=mode,
    )


def host_rule(provider: ProviderConfig) -> _core.HostRule:
    """A metered host; `provider` has a dialect. Raises `ValueError`."""
    host, port = host_and_port(provider.host)
    rates = provider.rates
    given = {} if rates is None else {name: getattr(rates, name) for name in rates.__struct_fields__}
    return _core.HostRule(
        host,
        provider.dialect or "",
        port=port,
        provider=provider.name or host.lstrip("."),
        rates={name: f"{rate:f}" for name, rate in given.items() if rate is not None} or None,
    )


def _made[**P, T](key: Key, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    try:
        return make(*args, **kwargs)
    except ValueError as error:
        raise RefusedError(key, str(error)) from None
