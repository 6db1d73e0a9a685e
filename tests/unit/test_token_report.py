"""The report of bench/tokenizer: ratios are taken inside rounds, goals are decided by their worst figure."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def token_report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("token_report", ROOT / "bench" / "tokenizer" / "token_report.py")
    if spec is None or spec.loader is None:
        pytest.fail("bench/tokenizer/token_report.py cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def figures(own: list[float], **rivals: list[float]) -> dict[str, dict[int, float]]:
    cells = {"tokmeter": own, **rivals}
    return {f"warm|o200k_base|json|1024|{name}": dict(enumerate(each)) for name, each in cells.items()}


def test_ratios_are_of_the_same_round_and_to_the_faster_one(token_report: ModuleType) -> None:
    found = figures([100, 400, 300], gigatoken=[50, 200, 300], fastokens=[25, 100, 100])

    prefix = "warm|o200k_base|json|1024"
    rivals = [f"{prefix}|gigatoken", f"{prefix}|fastokens"]
    assert token_report.ratio(found, f"{prefix}|tokmeter", rivals) == 2
    assert token_report.ratio(found, f"{prefix}|tokmeter", [f"{prefix}|absent"]) is None


def test_a_rival_that_left_is_not_compared_with(token_report: ModuleType) -> None:
    found = figures([100, 100, 100], gigatoken=[50], fastokens=[10, 10, 10])

    rivals = [f"warm|o200k_base|json|1024|{name}" for name in ("gigatoken", "fastokens")]
    assert token_report.ratio(found, "warm|o200k_base|json|1024|tokmeter", rivals) == 10


def test_goals_are_met_missed_or_not_measured(token_report: ModuleType) -> None:
    met = token_report.verdict(figures([200], gigatoken=[100], fastokens=[90]))
    missed = token_report.verdict(
        figures([179], gigatoken=[100], fastokens=[90]) | {"us|o200k_base|json|1024|tokmeter": {1: 1.6}}
    )

    assert "| English, code, JSON, warm | at least 1.8 x the faster of gigatoken and fastokens | 2.00 (" in met
    assert "Every goal that was measured is met." in met
    assert "| memory of one encoding | at most 20 MB | not measured | |" in met
    assert "- English, code, JSON, warm: 1.79 (json 1 KB, o200k_base)\n" in missed
    assert "- call with 1 KB: 1.60 (o200k_base, json)\n" in missed


def test_tables_leave_out_engines_without_figures(token_report: ModuleType) -> None:
    text = token_report.report(figures([200], tiktoken=[10]), ["tokmeter", "tiktoken", "rs-bpe"], ["o200k_base"])

    assert "| tokmeter | 200 (20) |" in text
    assert "| tiktoken | 10 |" in text
    assert "rs-bpe" not in text
