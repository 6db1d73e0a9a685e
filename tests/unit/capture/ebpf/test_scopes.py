"""Which workloads an exhausted budget stops."""

from __future__ import annotations

from typing import Any

import pytest

from tokmeter.capture.ebpf.scopes import Scopes, Subject, is_exhausted, valued
from tokmeter.config import Config
from tokmeter.config.schema import BudgetConfig, LimitConfig, Mode, ScopeConfig, WindowConfig

DAY = WindowConfig(period="day")


def budget(scope: dict[str, str] | None = None, mode: Mode = "enforce") -> BudgetConfig:
    return BudgetConfig(
        name="cap", limit=LimitConfig(requests=2), window=DAY, scope=ScopeConfig(**(scope or {})), mode=mode
    )


def account(name: str = "cap", label: str = "", *, spent: int = 2, held: int = 0) -> dict[str, Any]:
    none = dict.fromkeys([f"{kind}_{unit}" for kind in ("spent", "held") for unit in ("nano_usd", "tokens")], 0)
    return {
        **none,
        "name": name,
        "account": label,
        "limit_nano_usd": None,
        "limit_tokens": None,
        "limit_requests": 2,
        "spent_requests": spent,
        "held_requests": held,
    }


def workload(**values: str) -> Subject:
    return values


@pytest.mark.parametrize(("spent", "held", "expected"), [(1, 0, False), (1, 1, True), (2, 0, True), (3, 0, True)])
def test_exhausted_is_what_has_no_room(spent: int, held: int, expected: bool) -> None:
    assert is_exhausted(account(spent=spent, held=held)) is expected


def test_a_budget_without_a_scope_stops_everybody() -> None:
    (stop,) = Scopes(Config(budgets=(budget(),))).stops([account()])

    assert stop.applies_to(workload())


def test_every_key_of_a_scope_must_be_met() -> None:
    scopes = Scopes(Config(budgets=(budget({"namespace": "prod", "user": "ana"}),)))
    (stop,) = scopes.stops([account()])

    assert stop.applies_to(workload(namespace="prod", user="ana"))
    assert not stop.applies_to(workload(namespace="prod", user="bob"))
    assert not stop.applies_to(workload(namespace="prod"))


def test_an_account_of_each_value_stops_that_value_alone() -> None:
    scopes = Scopes(Config(budgets=(budget({"service": "shop", "user": "*"}),)))
    (stop,) = scopes.stops([account(label="user=ana"), account(label="user=bob", spent=1)])

    assert stop.applies_to(workload(service="shop", user="ana"))
    assert not stop.applies_to(workload(service="shop", user="bob"))
    assert not stop.applies_to(workload(service="other", user="ana"))
    assert str(stop) == "cap user=ana"


def test_only_what_is_enforced_stops() -> None:
    shadowed = Scopes(Config(budgets=(budget(mode="shadow"),)))
    ceiling = Scopes(Config(budgets=(budget(),), mode="shadow"))

    assert not shadowed.stops([account()])
    assert not ceiling.stops([account()])
    assert shadowed.undecidable == ceiling.undecidable == []


@pytest.mark.parametrize("dimension", ["organization", "key", "provider", "model"])
def test_what_is_not_known_at_connect_is_said_and_stops_nobody(dimension: str) -> None:
    scopes = Scopes(Config(budgets=(budget({"service": "shop", dimension: "x"}),)))

    assert scopes.undecidable == ["cap"]
    assert not scopes.stops([account()])


@pytest.mark.parametrize(
    ("label", "names", "expected"),
    [
        ("", [], {}),
        ("user=ana", ["user"], {"user": "ana"}),
        ("user=a,b=c", ["user"], {"user": "a,b=c"}),
        ("service=shop,user=ana", ["service", "user"], {"service": "shop", "user": "ana"}),
        ("service=a,user=b,user=c", ["service", "user"], None),
        ("user=ana", ["service"], None),
        ("other", [], None),
    ],
)
def test_values_of_a_label(label: str, names: list[str], expected: dict[str, str] | None) -> None:
    assert valued(label, names) == expected
