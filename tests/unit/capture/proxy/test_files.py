"""Files are whole or not there, and what stands in the way is named."""

import errno
import os
from pathlib import Path

import pytest

from tokmeter.capture.proxy.files import write_atomically
from tokmeter.errors import TokmeterError


def test_a_full_disk_is_told_and_leaves_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "bundle.pem"
    write_atomically(file, b"old", mode=0o644)

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TokmeterError) as caught:
        write_atomically(file, b"new", mode=0o644)

    assert (caught.value.where, caught.value.hint) == (str(file), "free some space")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokmeterError, match="cannot be written") as caught:
        write_atomically(tmp_path / "missing" / "bundle.pem", b"new", mode=0o644)

    assert caught.value.hint == "choose a directory that this user may write"
