"""The files that make clients trust the authority: everyone's roots and ours, in the shapes the runtimes read.

Owns what is in them. Which variable points at which file is `environment`'s to know.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import certifi
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, pkcs12

from tokmeter.capture.proxy import limits
from tokmeter.capture.proxy.authority import Authority
from tokmeter.capture.proxy.files import ensure_directory, write_atomically
from tokmeter.errors import TokmeterError

TRUSTSTORE_PASSWORD: Final = "changeit"  # noqa: S105 - Java's customary one; the store holds public certificates only
"""Password of the Java truststore."""

_SYSTEM_BUNDLES = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)
_PRELOAD = Path(__file__).parent / "node" / "tokmeter-proxy.cjs"
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
    ensure_directory(directory)
    files = TrustFiles(
        bundle=directory / "bundle.pem",
        certificate=directory / "ca.pem",
        truststore=directory / "truststore.p12",
        preload=directory / _PRELOAD.name,
    )
    certificates = _collect((*(path for path in _SYSTEM_BUNDLES if path.is_file()), Path(certifi.where()), *roots))
    certificates[authority.root.public_bytes(Encoding.DER)] = authority.root
    bundle = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in certificates.values())
    if not (_says(files.bundle, bundle) and files.truststore.is_file()):
        write_atomically(files.truststore, _truststore(certificates.values()), mode=_PUBLIC)
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


def _collect(files: Iterable[Path]) -> dict[bytes, x509.Certificate]:
    """The certificates of `files` by their DER, each once, in order."""
    found: dict[bytes, x509.Certificate] = {}
    for file in files:
        try:
            if file.stat().st_size > limits.ROOT_FILE_BYTES:
                raise TokmeterError("the file is too large to be a list of root certificates", where=str(file))
            certificates = x509.load_pem_x509_certificates(file.read_bytes())
        except (OSError, ValueError) as error:
            raise TokmeterError(
                "the root certificates cannot be read", where=str(file), hint="name a readable file in PEM"
            ) from error
        for certificate in certificates:
            found.setdefault(certificate.public_bytes(Encoding.DER), certificate)
    return found


def _truststore(certificates: Iterable[x509.Certificate]) -> bytes:
    entries = [
        pkcs12.PKCS12Certificate(certificate, f"root-{number}".encode())
        for number, certificate in enumerate(certificates)
    ]
    return pkcs12.serialize_java_truststore(entries, BestAvailableEncryption(TRUSTSTORE_PASSWORD.encode()))
