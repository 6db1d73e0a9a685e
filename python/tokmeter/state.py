"""Where a user's own files are: the ledger, the certificate authority, the key of the fingerprints.

Owns the directory and the fingerprint key. Refuses to know what the other files hold.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from tokmeter.errors import TokmeterError

KEY_BYTES = 32
"""Length of the secret that fingerprints of API keys are made with."""


class StateDirectory:
    """`$XDG_STATE_HOME/tokmeter`, or `~/.local/state/tokmeter`; made when it is first needed, private to the user."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Find the place; nothing is made yet. `environ` is usually `os.environ`."""
        base = environ.get("XDG_STATE_HOME", "")
        # The specification tells to ignore a relative path.
        root = Path(base) if base and Path(base).is_absolute() else Path.home() / ".local" / "state"
        self.path = root / "tokmeter"

    @property
    def ledger(self) -> Path:
        """The ledger of a configuration that names none."""
        return self.path / "ledger.db"

    @property
    def authority(self) -> Path:
        """The directory of the certificate authority of a configuration that names none."""
        return self.path / "ca"

    def make(self) -> None:
        """Make the directory. Raises `TokmeterError`."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as reason:
            raise self._unusable(reason) from reason

    def fingerprint_key(self) -> bytes:
        """The secret that makes fingerprints comparable between runs; made on first use. Raises `TokmeterError`."""
        self.make()
        path = self.path / "fingerprint.key"
        try:
            # Linked into place whole: of two processes that start at once, both read the first one's key.
            draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            if not path.exists():
                draft.touch(mode=0o600, exist_ok=False)
                draft.write_bytes(secrets.token_bytes(KEY_BYTES))
                try:
                    os.link(draft, path)
                except FileExistsError:
                    pass
                finally:
                    draft.unlink()
            key = path.read_bytes()
        except OSError as reason:
            raise self._unusable(reason) from reason
        if len(key) != KEY_BYTES:
            raise TokmeterError(
                "the fingerprint key is damaged", where=str(path), hint="delete the file; a new one is made"
            )
        return key

    def _unusable(self, reason: OSError) -> TokmeterError:
        return TokmeterError(
            f"the state directory cannot be used: {reason.strerror}",
            where=reason.filename or str(self.path),
            hint="set XDG_STATE_HOME to a directory that you may write to",
        )
