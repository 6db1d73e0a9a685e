"""A throw-away certificate authority for the simulator's host names. Knows no server."""

from __future__ import annotations

import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# Fixed, so that making certificates needs no clock.
NOT_BEFORE = datetime(2020, 1, 1, tzinfo=UTC)
NOT_AFTER = datetime(2049, 12, 31, tzinfo=UTC)


class SimulatorAuthority:
    """One root and one leaf for `names`, in a folder of its own that goes away with the object."""

    def __init__(self, names: Sequence[str]) -> None:
        """Makes the keys and writes `ca_path` (root) and the leaf with its key."""
        self._folder = tempfile.TemporaryDirectory(prefix="tokmeter-simulator-")
        folder = Path(self._folder.name)
        root_key = ec.generate_private_key(ec.SECP256R1())
        root = _certificate("tokmeter simulator root", root_key, root_key, None, ())
        leaf_key = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(names[0], leaf_key, root_key, root, names)
        self.ca_path = folder / "ca.pem"
        self.ca_path.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        self._leaf_path = folder / "leaf.pem"
        self._leaf_path.write_bytes(
            leaf_key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + leaf.public_bytes(serialization.Encoding.PEM)
        )
        self._leaf_path.chmod(0o600)

    def server_context(self) -> ssl.SSLContext:
        """A context that serves the leaf."""
        return server_context(self._leaf_path)

    def close(self) -> None:
        """Removes the files."""
        self._folder.cleanup()


def server_context(certificate: Path) -> ssl.SSLContext:
    """A context that serves the key and chain in a PEM file, and speaks HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(["http/1.1"])
    return context


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Certificate | None,
    names: Sequence[str],
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOT_BEFORE)
        .not_valid_after(NOT_AFTER)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(_key_usage(authority=issuer is None), critical=True)
    )
    if issuer is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(n) for n in names]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
