"""Rows hold every field of an entry, and nothing of what was said."""

import inspect

from tests.unit.store.sample import as_fields, entry

from tokmeter import _core
from tokmeter.store.sqlite.columns import ENTRY, HEAD, TAIL, entry_fields, entry_row


def test_a_row_holds_every_field_and_gives_it_back() -> None:
    made = entry(
        3,
        defects=["truncated", "no_usage"],
        alerts=[("checkout-daily", "0.5")],
        user="josé",
        cost_nano_usd=None,
        priced=False,
    )

    assert entry_fields(entry_row(made)) == as_fields(made)


def test_flags_come_back_as_flags() -> None:
    found = entry_fields(entry_row(entry(stream=False, llm=True)))

    assert (found["stream"], found["llm"]) == (False, True)
    assert isinstance(found["stream"], bool)


def test_every_field_of_an_entry_has_a_column() -> None:
    properties = inspect.getmembers(_core.LedgerEntry, inspect.isdatadescriptor)
    stated = {name for name, _ in properties if not name.startswith("_")}

    assert stated == {column.name for column in HEAD + TAIL} | {"usage"}


def test_no_column_is_for_what_was_said() -> None:
    words = {"prompt", "reply", "body", "header", "content", "message", "api_key", "authorization"}

    assert not words & {part for column in ENTRY for part in (column.name, *column.name.split("_"))}
