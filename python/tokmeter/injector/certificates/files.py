"""A serving certificate that somebody else keeps, such as cert-manager: read again when the files change."""

from datetime import datetime
from pathlib import Path

from tokmeter.errors import TokmeterError
from tokmeter.injector.contexts import Contexts


class FileCertificates:
    """Two files and the context made of them."""

    def __init__(self, certificate: Path, key: Path, contexts: Contexts) -> None:
        self._certificate = certificate
        self._key = key
        self._contexts = contexts
        self._loaded: tuple[bytes, bytes] | None = None

    def check(self, now: datetime) -> bool:
        """Takes what the files hold now; whether that is something new. Raises `TokmeterError` and keeps what it had.

        Certificate and key are two files: between two writes they may not fit, and the next look finds them whole.
        """
        del now
        found = (_content(self._certificate), _content(self._key))
        if found == self._loaded:
            return False
        self._contexts.swap(*found, where=f"{self._certificate}, {self._key}")
        self._loaded = found
        return True


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TokmeterError(
            f"the serving certificate cannot be read: {(error.strerror or str(error)).lower()}",
            where=str(path),
            hint="give files that exist with --tls-cert and --tls-key, or neither to have a certificate made",
        ) from None
