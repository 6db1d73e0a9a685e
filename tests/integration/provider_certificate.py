"""A provider's certificate and the root that vouches for it, made for one test."""

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_BEFORE = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_AFTER = datetime.datetime(2049, 1, 1, tzinfo=datetime.UTC)


class ProviderCertificate:
    """Serves `names`; clients verify it with `root`."""

    def __init__(self, directory: Path, *names: str) -> None:
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a provider's root")])
        root = (
            _builder(root_name, root_name, root_key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_SIGNS, critical=True)
            .sign(root_key, hashes.SHA256())
        )
        leaf = (
            _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a provider")]), root_name, key)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
            .sign(root_key, hashes.SHA256())
        )
        self.root = directory / "provider-root.pem"
        self.root.write_bytes(root.public_bytes(Encoding.PEM))
        self._leaf = directory / "provider.pem"
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self._leaf.write_bytes(pem + leaf.public_bytes(Encoding.PEM))
        self.der = leaf.public_bytes(Encoding.DER)

    def server(self, *alpn: str) -> ssl.SSLContext:
        """For a server that offers the protocols `alpn`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._leaf)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEFORE)
        .not_valid_after(_AFTER)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
