"""Keys, certificates, tokens and kubeconfigs of one node. Made anew for each; nobody else ever trusts them."""

import base64
import datetime
import ipaddress
import secrets
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.kubernetes.node.layout import API_PORT, API_SERVICE_IP, NODE_IP, Layout

_DAY = datetime.timedelta(days=1)
_USERS = {
    "admin": ("admin", "system:masters"),
    "controllers": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
}


class Authority:
    """A certificate authority in memory."""

    def __init__(self, common: str) -> None:
        """Makes its key and certificate."""
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._name = _name(common)
        self.certificate = (
            _builder(self._name, self._name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """Its certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, to: Path, common: str, organization: str | None, names: tuple[str, ...], *, server: bool) -> None:
        """Writes `to`.crt and `to`.key."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        usage = ExtendedKeyUsageOID.SERVER_AUTH if server else ExtendedKeyUsageOID.CLIENT_AUTH
        certificate = (
            _builder(_name(common, organization), self._name, key)
            .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        to.with_suffix(".crt").write_bytes(certificate.public_bytes(Encoding.PEM))
        _write_key(to.with_suffix(".key"), key)


def make(layout: Layout) -> None:
    """Everything, into `layout.pki`."""
    layout.pki.mkdir(parents=True)
    authority = Authority(f"{layout.name} CA")
    (layout.pki / "ca.crt").write_bytes(authority.pem)
    local = ("localhost", "127.0.0.1", NODE_IP)
    kubernetes = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", API_SERVICE_IP)
    authority.issue(layout.pki / "apiserver", "kube-apiserver", None, (*kubernetes, *local), server=True)
    authority.issue(
        layout.pki / "kubelet-client", "kube-apiserver-kubelet-client", "system:masters", ("client",), server=False
    )
    kubelet = f"system:node:{layout.name}"
    authority.issue(layout.pki / "kubelet", kubelet, "system:nodes", (layout.name, *local), server=True)

    account = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write_key(layout.pki / "sa.key", account)
    public = account.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (layout.pki / "sa.pub").write_bytes(public)

    tokens = []
    for file, (user, group) in (_USERS | {"kubelet": (kubelet, "system:nodes")}).items():
        token = secrets.token_hex(16)
        tokens.append(f"{token},{user},{user}" + (f',"{group}"' if group else ""))
        _kubeconfig(layout.pki / f"{file}.kubeconfig", authority.pem, token)
    (layout.pki / "tokens.csv").write_text("\n".join(tokens) + "\n")


def _kubeconfig(file: Path, authority: bytes, token: str) -> None:
    server = {
        "server": f"https://{NODE_IP}:{API_PORT}",
        "certificate-authority-data": base64.b64encode(authority).decode(),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "node", "cluster": server}],
        "users": [{"name": "user", "user": {"token": token}}],
        "contexts": [{"name": "node", "context": {"cluster": "node", "user": "user"}}],
        "current-context": "node",
    }
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(config))


def _write_key(file: Path, key: rsa.RSAPrivateKey) -> None:
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=not signs,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str, organization: str | None = None) -> x509.Name:
    parts = [] if organization is None else [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(tz=datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 3650 * _DAY)
    )
