"""The files that make clients trust the authority: everyone's roots and ours, in the shapes the runtimes read.

Owns what is in them. Which variable points at which file is `environment`'s to know.
"""

import base64
import contextlib
import re
import ssl
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from tokmeter.capture.proxy import limits
from tokmeter.capture.proxy.authority import Authority
from tokmeter.capture.proxy.files import ensure_directory, write_atomically
from tokmeter.errors import TokmeterError
from tokmeter.variables import BUNDLE, CERTIFICATE, PRELOAD, TRUSTSTORE, TRUSTSTORE_PASSWORD

_SYSTEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)
_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----")
_PRELOAD = Path(__file__).parent / "node" / PRELOAD
_PUBLIC = 0o644


@dataclass(frozen=True, slots=True)
class TrustFiles:
    """Where clients find what they must trust. All of it is public."""

    bundle: Path
    """Every root and ours, PEM: OpenSSL, Python, Go, curl, boto, gRPC."""
    certificate: Path
    """Our root alone, PEM: Node, Bun and Deno add it to their own."""
    truststore: Path
    """Every root and ours, PKCS12 for Java."""
    preload: Path
    """Script that lets Node releases without proxy support use the proxy."""


def write_trust(directory: Path, authority: Authority, *, roots: Sequence[Path] = ()) -> TrustFiles:
    """Writes the trust files into `directory`.

    The bundle holds the system's roots, Mozilla's, those in the PEM files `roots`, and the root of `authority`. Files
    that already say the same stay untouched. Raises `TokmeterError` naming the file that cannot be read or written.
    """
    ensure_directory(directory, mode=0o755)
    files = TrustFiles(
        bundle=directory / BUNDLE,
        certificate=directory / CERTIFICATE,
        truststore=directory / TRUSTSTORE,
        preload=directory / PRELOAD,
    )
    found = _collect((*(path for path in _SYSTEM_BUNDLES if path.is_file()), Path(certifi.where()), *roots))
    found[authority.root.public_bytes(Encoding.DER)] = None
    bundle = "".join(map(ssl.DER_cert_to_PEM_cert, found)).encode()
    if not (_says(files.bundle, bundle) and files.truststore.is_file()):
        write_atomically(files.truststore, _truststore(found), mode=_PUBLIC)
        write_atomically(files.bundle, bundle, mode=_PUBLIC)
    for file, content in ((files.certificate, authority.root_pem), (files.preload, _PRELOAD.read_bytes())):
        if not _says(file, content):
            write_atomically(file, content, mode=_PUBLIC)
    return files


def _says(file: Path, content: bytes) -> bool:
    try:
        return file.read_bytes() == content
    except OSError:
        return False


def _collect(files: Iterable[Path]) -> dict[bytes, None]:
    """The certificates of `files` as DER, each once, in order. They are not parsed: old roots break rules of today."""
    found: dict[bytes, None] = {}
    for file in files:
        try:
            with file.open("rb") as handle:
                text = handle.read(limits.ROOT_FILE_BYTES)
            blocks = [base64.b64decode(block, validate=False) for block in _BLOCK.findall(text)]
        except (OSError, ValueError) as error:
            raise _unreadable(file) from error
        if not blocks:
            raise _unreadable(file)
        found.update(dict.fromkeys(blocks))
    return found


def _unreadable(file: Path) -> TokmeterError:
    return TokmeterError("the root certificates cannot be read", where=str(file), hint="name a readable file in PEM")


def _truststore(certificates: Iterable[bytes]) -> bytes:
    """All certificates that can be parsed, as Java reads them."""
    entries: list[pkcs12.PKCS12Certificate] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for der in certificates:
            with contextlib.suppress(ValueError):
                certificate = x509.load_der_x509_certificate(der)
                entries.append(pkcs12.PKCS12Certificate(certificate, f"root-{len(entries)}".encode()))
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(TRUSTSTORE_PASSWORD.encode()))
