"""Leaf certificates for intercepted connections, signed by the authority.

mitmproxy's TLS addon with two differences: it takes the authority as made by `authority`, and a leaf names the host the
client asked for and nothing else. mitmproxy would add the original destination's address, which the authority's
constraints forbid.
"""

import tempfile
from collections.abc import Collection
from pathlib import Path

from cryptography import x509
from mitmproxy import certs
from mitmproxy.proxy import context

from tokmeter.capture.proxy import limits
from tokmeter.capture.proxy.authority import Authority
from tokmeter.capture.proxy.stock import tlsconfig
from tokmeter.clock import now_ns


class LeafCertificates(tlsconfig.TlsConfig):
    """Supplies the TLS settings of both sides."""

    name = "tlsconfig"
    request = None  # type: ignore[assignment]
    """mitmproxy would answer requests for its revocation list here."""

    def __init__(self, authority: Authority | None) -> None:
        """Signs with `authority`; without one there is TLS to providers only."""
        if authority is None:
            return
        with tempfile.TemporaryDirectory() as directory:
            self.certstore = certs.CertStore.from_files(authority.file, Path(directory) / "dhparam.pem")

    def configure(self, updated: Collection[str]) -> None:
        """Leaves out the store, which mitmproxy would open here."""
        theirs = set(updated) - {"certs", "confdir", "key_size", "cert_passphrase"}
        super().configure(theirs)  # type: ignore[no-untyped-call] # mitmproxy is typed in parts

    def running(self) -> None:
        """Nothing: the store is open, and mitmproxy would open its own."""

    def get_cert(self, conn_context: context.Context) -> certs.CertStoreEntry:
        """The leaf for the name the client asked for, or for the metered address it connected to."""
        address = conn_context.server.address
        name = conn_context.client.sni or (address[0] if address else "")
        entry = self._leaf(name)
        if entry.cert.notafter.timestamp() - now_ns() / 1e9 < limits.LEAF_RENEWAL_SECONDS:
            self.certstore.certs.clear()
            entry = self._leaf(name)
        return entry

    def _leaf(self, name: str) -> certs.CertStoreEntry:
        """An address is no common name: OpenSSL would hold it against the constraints on names."""
        general = tlsconfig._ip_or_dns_name(name)  # noqa: SLF001 - the same reading of a name as mitmproxy's
        common = general.value if isinstance(general, x509.DNSName) else None
        return self.certstore.get_cert(common, [general])
