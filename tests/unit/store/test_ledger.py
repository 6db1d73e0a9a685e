"""The protocols fit what implements them; the names are the public contract's."""

from tokmeter.store.ledger import USAGE, Ledger, LedgerReader
from tokmeter.store.sqlite import SqliteLedger, SqliteReader

CONTRACT = (
    "input_tokens output_tokens cache_read_tokens cache_write_5m_tokens cache_write_1h_tokens reasoning_tokens "
    "audio_input_tokens audio_output_tokens image_input_tokens image_output_tokens web_search_requests"
)


def test_the_counts_are_those_of_the_contract_in_its_order() -> None:
    assert " ".join(USAGE) == CONTRACT


def test_sqlite_has_every_method_of_the_protocols() -> None:
    writes: type[Ledger] = SqliteLedger
    reads: type[LedgerReader] = SqliteReader

    for protocol, kind in ((Ledger, writes), (LedgerReader, reads)):
        for name in vars(protocol):
            assert name.startswith("_") or callable(getattr(kind, name))
