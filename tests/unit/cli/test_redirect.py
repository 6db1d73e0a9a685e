"""What `redirect` asks of nft, and what it says when that fails. The rules themselves are tried in a network namespace."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Outcome

from tokmeter.inject.ruleset import Ruleset

RULES = Ruleset(to=15401, uid=1338, ports=(443,))


@pytest.fixture
def nft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a program named nft on the path, which runs a script and keeps what it was given."""
    folder = tmp_path / "bin"
    folder.mkdir()
    given = tmp_path / "given"

    def install(script: str) -> Path:
        program = folder / "nft"
        program.write_text(f'#!/bin/sh\n[ "$1" != -f ] || /bin/cat > {given}\n{script}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return given

    monkeypatch.setenv("PATH", str(folder))
    return install


def test_rules_may_be_printed(tokmeter: Callable[..., Outcome]) -> None:
    ended = tokmeter(
        "redirect", "--print", "--to", 1, "--uid", 2, "--port", 443, "--port", 8443, "--skip", "10.0.0.0/8"
    )

    assert ended.out == Ruleset(to=1, uid=2, ports=(443, 8443), skip=("10.0.0.0/8",)).text()
    assert ended.status == 0


def test_what_was_loaded_is_read_back(
    tokmeter: Callable[..., Outcome], nft: Callable[[str], Path], tmp_path: Path
) -> None:
    listing = tmp_path / "listing"
    listing.write_text(RULES.text().partition("\n")[2].partition("\n")[2])
    given = nft(f'[ "$1" = -f ] || /bin/cat {listing}')

    ended = tokmeter("redirect")

    assert (ended.status, ended.out) == (0, "")
    assert given.read_text() == RULES.text()
    listing.write_text("")
    ended = tokmeter("redirect")
    assert ended.status == 3
    assert "type nat hook output" in ended.err


def test_checking_loads_nothing(tokmeter: Callable[..., Outcome], nft: Callable[[str], Path]) -> None:
    given = nft('echo "Error: No such file or directory" >&2; exit 1')

    ended = tokmeter("redirect", "--check")

    assert ended.status == 3
    assert "tokmeter redirect loads them" in ended.err
    assert not given.exists()


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("Error: Could not process rule: Operation not permitted", "NET_ADMIN"),
        ("Error: Could not process rule: Operation not supported", "nf_tables"),
        ("Error: syntax error, unexpected newline", "--print"),
    ],
)
def test_a_refusal_of_nft_has_a_hint(
    tokmeter: Callable[..., Outcome], nft: Callable[[str], Path], said: str, hint: str
) -> None:
    nft(f'echo "{said}" >&2; exit 1')

    ended = tokmeter("redirect")

    assert ended.status == 1
    assert hint in ended.err
    assert said.removeprefix("Error: ") in ended.err


def test_without_nft_it_says_what_to_install(
    tokmeter: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "install nftables" in tokmeter("redirect").err


@pytest.mark.parametrize(
    "options",
    [("--skip", "10.0.0.1/8"), ("--port", "0"), ("--port", "15401"), ("--print", "--check"), ("--uid", "0")],
)
def test_wrong_options_are_refused(tokmeter: Callable[..., Outcome], options: tuple[str, ...]) -> None:
    assert tokmeter("redirect", *options).status == 2
