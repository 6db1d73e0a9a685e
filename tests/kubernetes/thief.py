"""A TLS server of somebody who got hold of the issuer's key: run inside of the sidecar's container, which alone has it.

``python3 -c THIS PORT NAME...`` signs a leaf for each name with that key, shows the one that it is asked for, and answers
everybody who accepts it.
"""

import datetime
import os
import re
import socket
import ssl
import sys
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "/run/tokmeter/ca/mitmproxy-ca.pem"
REPLY = b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
H2_SETTINGS = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_DAY = datetime.timedelta(days=1)


def context(name: str, pem: bytes) -> ssl.SSLContext:
    """A server that shows a leaf for `name` and the issuer that signed it, as the sidecar would."""
    signs, issuer = load_pem_private_key(pem, None), x509.load_pem_x509_certificates(pem)[0]
    assert isinstance(signs, ec.EllipticCurvePrivateKey)
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(tz=datetime.UTC)
    leaf = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signs.public_key()), critical=False)
        .sign(signs, hashes.SHA256())
    )
    chain = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in (leaf, issuer))
    # The container's files are read-only.
    memory = os.memfd_create(name)
    os.write(memory, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + chain)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(f"/proc/self/fd/{memory}")
    # HTTP/2 for those only that speak nothing else.
    shown.set_alpn_protocols(["http/1.1", "h2"])
    return shown


def answer(raw: socket.socket, shown: ssl.SSLContext) -> None:
    """One connection, to its end. A client that refuses ends it."""
    try:
        with shown.wrap_socket(raw, server_side=True) as client:
            if client.selected_alpn_protocol() == "h2":
                client.sendall(H2_SETTINGS)
                while client.recv(65536):
                    pass
                return
            asked = b""
            while (head := asked.find(b"\r\n\r\n")) < 0 or len(asked) < head + 4 + length(asked[:head]):
                asked += (piece := client.recv(65536))
                if not piece:
                    return
            # Who asks for a repository hears that there is none.
            status = b"HTTP/1.1 200 OK" if asked.startswith(b"POST") else b"HTTP/1.1 404 Not Found"
            client.sendall(status + REPLY)
    except OSError:
        pass


def length(head: bytes) -> int:
    """How long the body is that follows."""
    stated = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(stated[1]) if stated else 0


def main(port: int, names: list[str]) -> None:
    """Serves until it is ended; says so first."""
    with open(AUTHORITY, "rb") as file:  # noqa: PTH123 - nothing of this is for reading twice
        pem = file.read()
    shown = {name: context(name, pem) for name in names}
    first = shown[names[0]]

    def choose(client: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
        client.context = shown.get(name or "", first)

    first.sni_callback = choose
    with socket.create_server(("127.0.0.1", port)) as listening:
        print("listening", flush=True)  # noqa: T201
        while True:
            raw, _ = listening.accept()
            threading.Thread(target=answer, args=(raw, first), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
