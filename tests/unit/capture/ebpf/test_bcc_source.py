"""The programs as BCC takes them."""

import re
from pathlib import Path

from tokmeter.capture.ebpf import bcc_source


def test_nothing_is_left_that_bcc_does_not_know() -> None:
    text = bcc_source.text(1 << 20)

    # What the definitions of the other loader say is not compiled here.
    bcc = re.sub(r"#else.*?#endif", "", text, count=1, flags=re.DOTALL)
    assert not re.search(r"\b(map_lookup|map_update|map_delete|ring_reserve|ring_submit|ring_discard)\(", bcc)
    assert '#include "' not in text
    assert "RING(events, 1048576);" in text


def test_methods_are_on_the_map_that_is_named() -> None:
    text = bcc_source.text(1 << 20)

    assert "connections.lookup(key)" in text
    assert re.search(r"events\.ringbuf_reserve\(sizeof\(struct head\) \+ room\)", text)
    assert "events.ringbuf_submit(record, BPF_RB_NO_WAKEUP)" in text


def test_every_map_of_the_programs_is_used_by_name() -> None:
    text = bcc_source.text(1 << 20)

    names = set(re.findall(r"^(?:LRU_HASH|HASH|ONE|COUNTERS|RING)\((\w+),", text, re.MULTILINE))
    assert {"settings", "allowed", "names", "connections", "counters", "events"} <= names


def test_the_headers_stand_in_for_those_of_the_kernel(tmp_path: Path) -> None:
    bcc_source.headers(tmp_path)

    assert (tmp_path / "include/linux/kconfig.h").read_text().startswith("#define CONFIG_BPF_SYSCALL")
    assert "struct pt_regs" in (tmp_path / "include/linux/ptrace.h").read_text()
