"""Which loader is taken."""

from collections.abc import Callable
from typing import Any

import pytest

from tokmeter._core import Attribution, Meter, PriceBook
from tokmeter.capture.ebpf import Selection, TracerError, TracerSettings, kernel, loader

METER = Meter(price_book=PriceBook.embedded(), seed=bytes(16))


@pytest.fixture(autouse=True)
def any_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "check_platform", lambda: None)
    monkeypatch.setattr(kernel, "raise_descriptors", lambda: None)
    monkeypatch.setattr(kernel, "tracepoints", lambda: None)
    monkeypatch.setattr(kernel, "child_offset", lambda _: 20)
    monkeypatch.setattr(kernel, "process_namespace", lambda: 0)


def load(name: str) -> object:
    settings = TracerSettings(selection=Selection(processes=list), loader=name)
    return loader.load(settings, METER, lambda pid: Attribution(pid=pid))


def failing(word: str) -> Callable[..., Any]:
    def fail(*_: object) -> None:
        raise TracerError(word)

    return fail


def test_each_is_taken_when_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_core_loader", lambda *_: "core")
    monkeypatch.setattr(loader, "_bcc_loader", lambda *_: "bcc")

    assert (load("core"), load("bcc"), load("auto")) == ("core", "bcc", "core")


def test_auto_takes_the_other_where_the_first_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_core_loader", failing("the first"))
    monkeypatch.setattr(loader, "_bcc_loader", lambda *_: "bcc")

    assert load("auto") == "bcc"


def test_where_both_fail_the_first_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "_core_loader", failing("the first"))
    monkeypatch.setattr(loader, "_bcc_loader", failing("the second"))

    with pytest.raises(TracerError, match="the first"):
        load("auto")


def test_bcc_knows_no_ids_of_a_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "process_namespace", lambda: 4_026_532_000)

    with pytest.raises(TracerError, match="process namespace of its own") as told:
        load("bcc")

    assert "--loader core" in (told.value.hint or "")


def test_the_kernels_words_are_in_the_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise OSError("loading the programs: Operation not permitted\nprocessed 0 insns")

    monkeypatch.setattr("tokmeter.capture.ebpf.loader._core.Tracer", refusing)

    with pytest.raises(
        TracerError, match=r"programs: loading the programs: Operation not permitted \(they need"
    ) as caught:
        load("core")

    assert "BTF" in (caught.value.hint or "")
