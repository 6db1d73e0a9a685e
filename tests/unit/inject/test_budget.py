"""A pod chooses among the budgets of its namespace, and has all of them when it chooses none."""

from __future__ import annotations

import pytest

from tests.unit.inject.pods import namespace, pod, settings, typed
from tokmeter.inject.annotations import wishes
from tokmeter.inject.budget import budgets
from tokmeter.inject.outcome import RefusedError


def given(own: str | None, theirs: str | None) -> list[str]:
    injection = settings()
    where = namespace(annotations={} if theirs is None else {"tokmeter.io/budgets": theirs})
    asked = wishes(typed(pod(None if own is None else {"tokmeter.io/budget": own})), where, injection)
    return [budget.name for budget in budgets(asked, injection)]


@pytest.mark.parametrize(
    ("own", "theirs", "found"),
    [
        (None, None, ["service-daily"]),
        ("service-daily", None, ["service-daily"]),
        (None, "small,rich", ["small", "rich"]),
        ("small", "small,rich", ["small"]),
        (None, "", []),
    ],
)
def test_budgets_by_choice_and_by_default(own: str | None, theirs: str | None, found: list[str]) -> None:
    assert given(own, theirs) == found


@pytest.mark.parametrize(
    ("own", "theirs", "hint"),
    [
        ("rich", None, "default_budgets"),
        ("rich", "small", "tokmeter.io/budgets of its namespace"),
        ("smalls", "small", "did you mean 'small'?"),
        (None, "smalls", "did you mean 'small'?"),
        ("small", "", "none is"),
    ],
)
def test_a_budget_that_is_not_allowed_is_refused(own: str | None, theirs: str | None, hint: str) -> None:
    with pytest.raises(RefusedError) as caught:
        given(own, theirs)

    assert caught.value.reason == "budget_not_allowed"
    assert hint in caught.value.message
