"""The generated pages are current, and what they show works."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.unit.store.sample import entry
from tokmeter.config.document import parse
from tokmeter.config.load import check
from tokmeter.inject import parse_injection
from tokmeter.store.sqlite import SqliteLedger

ROOT = Path(__file__).parents[2]


@pytest.fixture
def reference() -> SimpleNamespace:
    names: dict[str, object] = {"__name__": "reference", "__file__": str(ROOT / "scripts" / "reference.py")}
    exec(compile((ROOT / "scripts" / "reference.py").read_text(), "reference.py", "exec"), names)
    return SimpleNamespace(**names)


def test_the_pages_say_what_the_program_says() -> None:
    checked = subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference.py", "--check"],
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )

    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_example_of_the_injector_s_settings_is_accepted(reference: SimpleNamespace) -> None:
    assert parse_injection(reference.INJECTION_EXAMPLE, "example").default_budgets == ("service-daily",)


def test_the_example_configuration_is_accepted(reference: SimpleNamespace) -> None:
    config = check(parse(reference.EXAMPLE, "example"))

    assert [budget.name for budget in config.budgets] == ["checkout-daily"]


def test_the_example_queries_answer(reference: SimpleNamespace, tmp_path: Path) -> None:
    ledger = SqliteLedger.open(tmp_path / "ledger.db")
    ledger.append(entry(1, user="ada"))
    assert ledger.close(30)
    connection = sqlite3.connect(tmp_path / "ledger.db")

    rows = [connection.execute(query).fetchall() for query in reference.QUERIES.split(";")[:-1]]

    assert rows == [
        [("2026-01-01", "checkout", "openai", "gpt-4o-2024-08-06", 1, 100, 20, 0.00045, 0)],
        [("ada", 0.00045)],
    ]
    connection.close()
