"""Which budgets are exhausted, and whom they stop. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tokmeter.config.schema import MODES, BudgetConfig, Config

UNITS: Final = ("nano_usd", "tokens", "requests")
OF_WORKLOAD: Final = ("namespace", "service", "pod", "user")
"""What is known of a process when it connects. Model, provider and key are in what it sends later."""
EACH: Final = "*"


type Subject = Mapping[str, str | None]
"""Of a process: the values of `OF_WORKLOAD`."""


@dataclass(frozen=True, slots=True)
class Stop:
    """An exhausted account."""

    budget: str
    account: str
    scope: tuple[tuple[str, str], ...]
    """What a process must be, each key of `OF_WORKLOAD`."""

    def applies_to(self, subject: Subject) -> bool:
        """Whether a process is stopped by it; a value that is not known is none."""
        return all(subject.get(name) == value for name, value in self.scope)

    def __str__(self) -> str:
        """As a person reads it."""
        return f"{self.budget} {self.account}" if self.account else self.budget


class Scopes:
    """The budgets of a configuration that can stop processes."""

    def __init__(self, config: Config) -> None:
        """Keeps those that are enforced and say no more than what is known of a process."""
        self._scopes: dict[str, dict[str, str]] = {}
        self.undecidable: list[str] = []
        """Enforced budgets that cannot be decided when a process connects: they stop nothing."""
        for budget in config.budgets:
            if min(budget.mode, config.mode, key=MODES.index) != "enforce":
                continue
            scope = _pairs(budget)
            if scope.keys() <= set(OF_WORKLOAD):
                self._scopes[budget.name] = scope
            else:
                self.undecidable.append(budget.name)

    def stops(self, accounts: Iterable[Mapping[str, Any]]) -> frozenset[Stop]:
        """The exhausted accounts among those of a snapshot."""
        found = set()
        for account in accounts:
            scope = self._scopes.get(account["name"])
            if scope is None or not is_exhausted(account):
                continue
            values = valued(account["account"], [name for name, value in scope.items() if value == EACH])
            if values is not None:
                pairs = tuple(sorted({**scope, **values}.items()))
                found.add(Stop(account["name"], account["account"], pairs))
        return frozenset(found)


def is_exhausted(account: Mapping[str, Any]) -> bool:
    """Whether a request that costs anything is beyond one of the limits."""
    return any(
        account[f"limit_{unit}"] is not None
        and account[f"spent_{unit}"] + account[f"held_{unit}"] >= account[f"limit_{unit}"]
        for unit in UNITS
    )


def valued(label: str, names: list[str]) -> dict[str, str] | None:
    """The values in an account's label, ``user=ana,service=shop``; None when it is not of these names, in this order.

    A value may hold a comma, but is taken whole only where the next name does not follow: what cannot be told apart stops nobody.
    """
    values: dict[str, str] = {}
    rest = label
    for at, name in enumerate(names):
        if not rest.startswith(f"{name}="):
            return None
        rest = rest.removeprefix(f"{name}=")
        if at + 1 == len(names):
            values[name] = rest
            return values
        parts = rest.split(f",{names[at + 1]}=")
        if len(parts) != 2:
            return None
        values[name] = parts[0]
        rest = f"{names[at + 1]}={parts[1]}"
    return values if not rest else None


def _pairs(budget: BudgetConfig) -> dict[str, str]:
    scope = ((name, getattr(budget.scope, name)) for name in budget.scope.__struct_fields__)
    return {name: value for name, value in scope if value is not None}
