"""The certificate authority that lets clients trust the proxy for metered hosts, and for nothing else.

Two tiers. The root's key signs one issuing certificate and is dropped, never written. The issuer signs leaves, may sign
no further authority, and is constrained to the metered hosts: a stolen key cannot speak for any other name, in clients
that ignore constraints on roots (Java) too. The file is in mitmproxy's format: key, issuer, root.

It is made anew only when it is missing, is about to end, or does not cover a metered host; then clients need the new
root. An unreadable file is an error, never silently replaced: its root may be installed somewhere. Knows nothing of
bundles and environments, see `trust`.
"""

import datetime
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tokmeter.capture.proxy import limits
from tokmeter.capture.proxy.files import ensure_directory, locked, write_atomically
from tokmeter.errors import TokmeterError

FILE_NAME = "mitmproxy-ca.pem"

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_EVERY_NETWORK: tuple[Network, ...] = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))
_CLOCK_SKEW = datetime.timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Authority:
    """A usable certificate authority on disk."""

    file: Path
    """Key of the issuer, issuer, root, in PEM and in this order; readable by the owner alone."""
    issuer: x509.Certificate
    root: x509.Certificate

    @property
    def root_pem(self) -> bytes:
        """The one certificate that clients must trust."""
        return self.root.public_bytes(Encoding.PEM)


def ensure_authority(directory: Path, hosts: Sequence[str], *, now_ns: int) -> Authority:
    """The authority in `directory`, made if it is missing, about to end or does not cover `hosts`.

    `hosts` are names, leading-dot suffixes and IP addresses. Raises `TokmeterError` when the directory or the file
    cannot be used.
    """
    ensure_directory(directory, mode=0o700)
    file = directory / FILE_NAME
    now = datetime.datetime.fromtimestamp(now_ns // 1_000_000_000, tz=datetime.UTC)
    permitted = _permitted(hosts)
    with locked(directory):
        authority = _load(file)
        if authority is None:
            return _issue(file, permitted, now)
        covered = _covered(authority)
        if set(permitted) <= set(covered) and not _about_to_end(authority, now):
            return authority
        return _issue(file, list(dict.fromkeys((*covered, *permitted))), now)


def _load(file: Path) -> Authority | None:
    """The authority in `file`, None when there is no such file."""
    try:
        pem = file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(file, error.strerror or "it cannot be read") from error
    try:
        key = load_pem_private_key(pem, None)
        certificates = x509.load_pem_x509_certificates(pem)
    except (ValueError, TypeError) as error:
        raise _unusable(file, "it does not hold a key and certificates in PEM") from error
    if len(certificates) < 2 or key.public_key() != certificates[0].public_key():
        raise _unusable(file, "it does not hold an issuer with its key, followed by a root")
    if file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return Authority(file, certificates[0], certificates[1])


def _unusable(file: Path, why: str) -> TokmeterError:
    return TokmeterError(
        f"the certificate authority cannot be used: {why}",
        where=str(file),
        hint="restore the file, or remove it to have a new one made; clients must then trust the new root",
    )


def _about_to_end(authority: Authority, now: datetime.datetime) -> bool:
    ends = min(authority.issuer.not_valid_after_utc, authority.root.not_valid_after_utc)
    return ends < now + datetime.timedelta(days=limits.AUTHORITY_RENEWAL_DAYS)


def _covered(authority: Authority) -> Sequence[x509.GeneralName]:
    """The names the issuer may sign for. Two configurations in turn widen them once, instead of replacing each other."""
    try:
        constraints = authority.issuer.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return ()
    return constraints.permitted_subtrees or ()


def _permitted(hosts: Iterable[str]) -> list[x509.GeneralName]:
    """The name constraints that let `hosts` through.

    A suffix loses its leading dot: verifiers disagree about the dot, and all of them read a bare name as itself and
    everything below it.
    """
    names: dict[x509.GeneralName, None] = {}
    for host in hosts:
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            name = host.removeprefix(".").lower().encode("idna").decode("ascii")
            names[x509.DNSName(name)] = None
        else:
            names[x509.IPAddress(ipaddress.ip_network(address))] = None
    if not names:
        names[x509.DNSName("tokmeter.invalid")] = None
    return list(names)


def _excluded(permitted: Iterable[x509.GeneralName]) -> list[x509.GeneralName]:
    """Every address family of which no address is permitted. A permitted address already shuts out its siblings."""
    versions = {name.value.version for name in permitted if isinstance(name, x509.IPAddress)}
    return [x509.IPAddress(network) for network in _EVERY_NETWORK if network.version not in versions]


def _issue(file: Path, permitted: Sequence[x509.GeneralName], now: datetime.datetime) -> Authority:
    """Makes root and issuer, drops the root's key and writes the rest."""
    root_key = ec.generate_private_key(ec.SECP256R1())
    issuer_key = ec.generate_private_key(ec.SECP256R1())
    serial = x509.random_serial_number()
    root_name = _name(f"tokmeter root {serial & 0xFFFFFFFF:08x}")
    root = (
        _builder(root_name, root_name, root_key.public_key(), now)
        .serial_number(serial)
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_signs_certificates(), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    issuer = (
        _builder(_name(f"tokmeter issuer {serial & 0xFFFFFFFF:08x}"), root_name, issuer_key.public_key(), now)
        .serial_number(x509.random_serial_number())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_signs_certificates(), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .add_extension(
            x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=_excluded(permitted) or None),
            critical=True,
        )
        .sign(root_key, hashes.SHA256())
    )
    key_pem = issuer_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem = key_pem + issuer.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)
    write_atomically(file, pem, mode=0o600)
    return Authority(file, issuer, root)


def _name(common: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tokmeter"), x509.NameAttribute(NameOID.COMMON_NAME, common)]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + datetime.timedelta(days=limits.AUTHORITY_DAYS))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signs_certificates() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
