"""Where a user's files are, and the key of the fingerprints."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tokmeter.errors import TokmeterError
from tokmeter.state import KEY_BYTES, StateDirectory


def test_the_place_follows_xdg(tmp_path: Path) -> None:
    assert StateDirectory({"XDG_STATE_HOME": str(tmp_path)}).path == tmp_path / "tokmeter"


@pytest.mark.parametrize("value", ["", "relative/path"])
def test_a_missing_or_relative_xdg_value_is_ignored(value: str) -> None:
    assert StateDirectory({"XDG_STATE_HOME": value}).path == Path.home() / ".local" / "state" / "tokmeter"


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    state = StateDirectory({"XDG_STATE_HOME": str(tmp_path)})

    first = state.fingerprint_key()

    assert len(first) == KEY_BYTES
    assert state.fingerprint_key() == first
    assert stat.S_IMODE((state.path / "fingerprint.key").stat().st_mode) == 0o600
    assert [path.name for path in state.path.iterdir()] == ["fingerprint.key"]


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        states = [StateDirectory({"XDG_STATE_HOME": str(tmp_path)}) for _ in range(32)]
        keys = set(pool.map(StateDirectory.fingerprint_key, states))

    assert len(keys) == 1


def test_a_damaged_key_is_named(tmp_path: Path) -> None:
    state = StateDirectory({"XDG_STATE_HOME": str(tmp_path)})
    state.make()
    (state.path / "fingerprint.key").write_bytes(b"short")

    with pytest.raises(TokmeterError) as caught:
        state.fingerprint_key()

    assert "damaged" in caught.value.what
    assert caught.value.where == str(state.path / "fingerprint.key")


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokmeter").write_text("a file in the way")

    with pytest.raises(TokmeterError) as caught:
        StateDirectory({"XDG_STATE_HOME": str(tmp_path)}).make()

    assert "state directory" in caught.value.what
    assert "XDG_STATE_HOME" in (caught.value.hint or "")
