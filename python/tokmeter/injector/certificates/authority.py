"""A certificate authority for one webhook and the leaf it signs: made, written and read as PEM. No file, no clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tokmeter.errors import TokmeterError
from tokmeter.injector import limits

ORGANIZATION = "tokmeter injector"
_SKEW = timedelta(seconds=limits.CLOCK_SKEW_S)


@dataclass(frozen=True)
class Authority:
    """Certificate and key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def born(self) -> datetime:
        """When it was made; its certificate is valid from a little earlier."""
        return self.certificate.not_valid_before_utc + _SKEW

    @property
    def ends(self) -> datetime:
        """When nothing that it signed is valid any more."""
        return self.certificate.not_valid_after_utc

    @property
    def name(self) -> str:
        """One that no other authority has."""
        return f"{self.certificate.serial_number:x}"

    @cached_property
    def pem(self) -> bytes:
        """Key and certificate, as the Secret holds them."""
        return _key_pem(self.key) + self.certificate.public_bytes(Encoding.PEM)


@dataclass(frozen=True)
class Leaf:
    """What a server shows."""

    chain: bytes
    key: bytes
    ends: datetime
    signer: str
    """The name of its authority."""


def make_authority(host: str, now: datetime) -> Authority:
    """A new authority that may sign for `host` and nothing else."""
    key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    name = _name(f"tokmeter injector {serial & 0xFFFFFFFF:08x}")
    certificate = (
        _builder(name, name, key.public_key(), now, timedelta(days=limits.AUTHORITY_DAYS))
        .serial_number(serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        # Whoever gets hold of the Secret can speak for this one name alone.
        .add_extension(x509.NameConstraints([x509.DNSName(host)], None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(certificate, key)


def read_authority(pem: bytes, where: str) -> Authority:
    """The authority that `pem` holds. Raises `TokmeterError`: it is never replaced in silence, somebody may trust it."""
    try:
        key = load_pem_private_key(pem, None)
        certificate = x509.load_pem_x509_certificate(pem)
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ValueError("another key")
    except (ValueError, TypeError) as error:
        raise TokmeterError(
            "the certificate authority of the injector cannot be read",
            where=where,
            hint="delete the Secret to have a new authority made, which the API server is then told of",
        ) from error
    return Authority(certificate, key)


def issue(authority: Authority, host: str, now: datetime) -> Leaf:
    """A serving certificate for `host`; it does not outlive its authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    lasts = min(timedelta(hours=limits.LEAF_HOURS), authority.ends - now)
    certificate = (
        _builder(_name("tokmeter injector"), authority.certificate.subject, key.public_key(), now, lasts)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        # Go looks at alternative names alone.
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return Leaf(certificate.public_bytes(Encoding.PEM), _key_pem(key), certificate.not_valid_after_utc, authority.name)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lasts: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + lasts)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
