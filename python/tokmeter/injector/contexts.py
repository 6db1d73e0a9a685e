"""The TLS context that new handshakes get. Swapped whole; connections that are open keep the one they began with."""

import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from cryptography import x509

from tokmeter.errors import TokmeterError


class Contexts:
    """Holds one context, or none before the first certificate. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._ends: datetime | None = None

    @property
    def current(self) -> ssl.SSLContext | None:
        """What the next handshake uses."""
        return self._context

    @property
    def ends(self) -> datetime | None:
        """When its certificate ends."""
        return self._ends

    def swap(self, chain: bytes, key: bytes, *, where: str) -> None:
        """Takes another certificate, with those that lead to its authority after it, in PEM.

        Raises `TokmeterError`, and keeps what it had, when they are not a certificate and its key.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            ends = x509.load_pem_x509_certificates(chain)[0].not_valid_after_utc
            with _in_memory(chain) as certificate_file, _in_memory(key) as key_file:
                context.load_cert_chain(certificate_file, key_file, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise TokmeterError(
                "the serving certificate cannot be used",
                where=where,
                hint="it takes a certificate in PEM and its key without a password",
            ) from error
        with self._lock:
            self._context, self._ends = context, ends


@contextmanager
def _in_memory(content: bytes) -> Iterator[str]:
    """A file name for what OpenSSL only reads from files. The key never is on a disk, nor needs a writable one."""
    descriptor = os.memfd_create("tokmeter", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as memory:
            memory.write(content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _no_password() -> str:
    """Instead of OpenSSL's question on the terminal."""
    return ""
