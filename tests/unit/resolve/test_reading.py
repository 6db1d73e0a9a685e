"""Reads are bounded, never wait and never follow a container's links."""

import os
from pathlib import Path

import pytest

from tokmeter.resolve import reading
from tokmeter.resolve.reading import FILE_BYTES_MAX, folders, is_file, names, read, read_inside


def test_a_file_is_read_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"x" * (FILE_BYTES_MAX + 1))

    assert read(file) == b"x" * FILE_BYTES_MAX
    assert read(file, 3) == b"xxx"
    assert is_file(file)


def test_what_is_no_readable_file_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path in (
        tmp_path,
        tmp_path / "absent",
        tmp_path / "pipe",
        Path("/dev/zero"),
        tmp_path / "a\0b",
        tmp_path / "a" / "b",
    ):
        assert read(path) is None
        assert not is_file(path)


def test_a_folder_is_listed_up_to_its_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "cab":
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "a")

    assert names(tmp_path) == ["a", "b", "c", "file", "link"]
    assert folders(tmp_path) == ["a", "b", "c"]
    assert names(tmp_path / "file") == folders(tmp_path / "absent") == names(tmp_path / "a\0") == []
    monkeypatch.setattr(reading, "NAMES_MAX", 2)
    assert len(names(tmp_path)) == 2


def test_links_inside_of_another_root_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "etc"
    outside.mkdir()
    (outside / "passwd").write_text("host")
    root = tmp_path / "container"
    (root / "etc").mkdir(parents=True)
    (root / "etc/passwd").write_text("own")
    (root / "linked").symlink_to(outside)
    (root / "etc/link").symlink_to(outside / "passwd")
    os.mkfifo(root / "etc/pipe")

    assert read_inside(root, "etc", "passwd") == b"own"
    assert read_inside(root, "etc", "passwd", limit=2) == b"ow"
    for parts in (("linked", "passwd"), ("etc", "link"), ("etc", "pipe"), ("etc", "absent"), ("etc",)):
        assert read_inside(root, *parts) is None
    assert read_inside(tmp_path / "absent", "etc", "passwd") is None
