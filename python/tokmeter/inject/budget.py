"""Which budgets a pod gets: only those that its namespace lets it choose from.

Each sidecar enforces them for itself. One account that many pods share needs a store that they share, and would be
rendered here.
"""

from tokmeter.config import BudgetConfig
from tokmeter.config.shape import closest
from tokmeter.inject.annotations import BUDGET, BUDGETS, Wishes
from tokmeter.inject.outcome import Reason, RefusedError
from tokmeter.inject.settings import Injection


def budgets(wishes: Wishes, injection: Injection) -> tuple[BudgetConfig, ...]:
    """The budgets of one pod. Raises `RefusedError` for one that it may not have."""
    known = {budget.name: budget for budget in injection.budgets}
    allowed = injection.default_budgets if wishes.allowed_budgets is None else wishes.allowed_budgets
    # A pod that chooses none gets all that its namespace has: leaving the annotation out must not be a way out.
    for name in allowed if wishes.budgets is None else wishes.budgets:
        if name not in allowed:
            where = (
                f"{BUDGETS} of its namespace"
                if wishes.allowed_budgets is not None
                else "default_budgets of the injector"
            )
            hint = closest(name[:64], allowed) if allowed else "none is"
            raise RefusedError(Reason.BUDGET_NOT_ALLOWED, f"{BUDGET}: {name[:64]!r} is not among {where}: {hint}")
        if name not in known:
            hint = closest(name[:64], list(known)) if known else "it has none"
            raise RefusedError(Reason.BUDGET_NOT_ALLOWED, f"the injector knows no budget {name[:64]!r}: {hint}")
    chosen = allowed if wishes.budgets is None else wishes.budgets
    return tuple(known[name] for name in chosen)
