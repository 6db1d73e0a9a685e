"""Which programs are attached where."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from tokmeter.capture.ebpf import TracerError, limits
from tokmeter.capture.ebpf.attachments import Attachments
from tokmeter.capture.ebpf.images import Image, Place

GO = Image(1, 2, Path("/proc/7/exe"))
LIBRARY = Image(1, 3, Path("/usr/lib/libssl.so.3"))

FUNCTIONS = {
    GO: {
        "crypto/tls.(*Conn).Write": Place(100, (120, 140)),
        "crypto/tls.(*Conn).Close": Place(200, (220,)),
    },
    LIBRARY: {"SSL_read": Place(300), "SSL_free": Place(400)},
}


class Files:
    """Stands in for `Images`."""

    def of_process(self, pid: int) -> list[Image]:
        return {7: [GO], 8: [LIBRARY], 9: [LIBRARY]}[pid]

    def functions(self, image: Image) -> dict[str, Place]:
        return FUNCTIONS[image]


class Kernel:
    """Stands in for `Loader`."""

    def __init__(self) -> None:
        self.attached: dict[int, tuple[str, int, int | None]] = {}
        self.next = 1
        self.refusal: OSError | None = None
        """What attaching to SSL_free ends with."""

    def attach_function(self, program: str, file: Path, offset: int, process: int | None) -> int:
        if self.refusal is not None and offset == FUNCTIONS[LIBRARY]["SSL_free"].offset:
            raise self.refusal
        self.attached[self.next] = (program, offset, process)
        self.next += 1
        return self.next - 1

    def detach(self, attachment: int) -> None:
        del self.attached[attachment]


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


def attachments(kernel: Kernel, *, shared: bool) -> Attachments:
    return Attachments(kernel, Files(), shared=shared)  # type: ignore[arg-type]


def test_a_function_of_go_is_attached_to_at_each_return_before_its_entry(kernel: Kernel) -> None:
    attachments(kernel, shared=False).cover(7)
    assert list(kernel.attached.values()) == [
        ("go_write_end", 120, 7),
        ("go_write_end", 140, 7),
        ("go_write", 100, 7),
        ("go_close", 200, 7),
    ]


def test_other_functions_are_attached_to_where_they_begin(kernel: Kernel) -> None:
    attachments(kernel, shared=False).cover(8)
    assert sorted(kernel.attached.values()) == [("tls_call", 300, 8), ("tls_free", 400, 8), ("tls_received", 300, 8)]


def test_a_shared_file_is_attached_to_once_while_it_has_a_user(kernel: Kernel) -> None:
    files = attachments(kernel, shared=True)
    files.cover(8)
    files.cover(9)
    assert {owner for _, _, owner in kernel.attached.values()} == {None}
    files.release(8)
    assert len(kernel.attached) == 3


def test_what_was_for_one_process_goes_with_it_one_by_one(kernel: Kernel) -> None:
    files = attachments(kernel, shared=False)
    files.cover(8)
    files.cover(9)

    files.release(8)

    assert files.files == 1
    assert len(kernel.attached) == 6
    while files.detach_next():
        pass
    assert {owner for _, _, owner in kernel.attached.values()} == {9}


def test_a_new_process_with_the_id_of_one_that_has_ended_is_attached_to(kernel: Kernel) -> None:
    """The kernel attaches to the process, not to its id."""
    files = attachments(kernel, shared=False)
    files.cover(8)
    before = set(kernel.attached)

    files.release(8)
    files.cover(8)
    while files.detach_next():
        pass

    assert sorted(kernel.attached.values()) == [("tls_call", 300, 8), ("tls_free", 400, 8), ("tls_received", 300, 8)]
    assert not before & set(kernel.attached)


def test_the_begin_of_a_call_is_detached_from_before_its_end(kernel: Kernel) -> None:
    files = attachments(kernel, shared=False)
    files.cover(7)
    files.release(7)

    for left in (3, 2):
        files.detach_next()
        assert [program for program, _, _ in kernel.attached.values()] == ["go_write_end", "go_write_end", "go_write"][
            :left
        ]


def test_with_too_much_to_detach_from_nothing_is_attached_for_one_process_alone(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LEAVING_MAX", 3)
    files = attachments(kernel, shared=False)
    files.cover(8)
    files.release(8)

    assert not files.cover(9)
    assert files.failures == 1

    files.detach_next()
    assert files.cover(9)


@pytest.fixture
def unused(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> Attachments:
    """A shared file that nobody has used for long."""
    files = attachments(kernel, shared=True)
    files.cover(8)
    files.release(8)
    monkeypatch.setattr(limits, "IDLE_FILE_S", -1.0)
    files.sweep()
    monkeypatch.undo()
    return files


def test_a_shared_file_that_nobody_has_used_for_long_is_detached_from(kernel: Kernel, unused: Attachments) -> None:
    assert unused.files == 0
    assert [unused.detach_next() for _ in range(4)] == [True, True, True, False]
    assert kernel.attached == {}


def test_a_shared_file_that_is_used_again_before_its_turn_stays_as_it_is(kernel: Kernel, unused: Attachments) -> None:
    before = dict(kernel.attached)

    unused.cover(9)

    assert not unused.detach_next()
    assert (kernel.attached, unused.files) == (before, 1)


def test_a_shared_file_that_is_used_again_while_it_is_detached_from_is_attached_to_once(
    kernel: Kernel, unused: Attachments
) -> None:
    unused.detach_next()

    unused.cover(9)

    assert not unused.detach_next()
    assert sorted(kernel.attached.values()) == [
        ("tls_call", 300, None),
        ("tls_free", 400, None),
        ("tls_received", 300, None),
    ]


def test_a_file_is_attached_to_whole_or_not_at_all_and_tried_again(kernel: Kernel) -> None:
    """The process through whose folder it was reached may have ended in between."""
    files = attachments(kernel, shared=True)
    kernel.refusal = OSError(errno.ENOENT, "no such file")
    files.cover(8)
    assert (kernel.attached, files.failures, files.files) == ({}, 1, 0)
    assert (files.failed(8), files.failed(9)) == (True, False)

    kernel.refusal = None
    files.cover(9)
    assert len(kernel.attached) == 3
    assert not files.failed(8)


def test_what_is_not_permitted_ends_with_what_would_be_enough(kernel: Kernel) -> None:
    kernel.refusal = PermissionError(errno.EACCES, "perf_event_open: permission denied")

    with pytest.raises(TracerError, match="permission denied") as caught:
        attachments(kernel, shared=False).cover(8)

    assert "CAP_SYS_ADMIN" in (caught.value.hint or "")
