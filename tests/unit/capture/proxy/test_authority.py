"""The authority: constrained, durable, and honest about a file it cannot use."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from mitmproxy import connection, options
from mitmproxy.proxy import context

from tokmeter.capture.proxy.authority import FILE_NAME, Authority, ensure_authority
from tokmeter.capture.proxy.certificates import LeafCertificates
from tokmeter.clock import now_ns
from tokmeter.errors import TokmeterError

DAY = 86_400 * 1_000_000_000
HOSTS = ("api.openai.com", ".openai.azure.com")


def _asking_for(name: str) -> context.Context:
    """A connection whose client asked for `name`, by name or by address, and was sent elsewhere."""
    client = connection.Client(peername=("10.1.1.1", 1), sockname=("10.2.2.2", 2), timestamp_start=0.0)
    asked = context.Context(client, options.Options())
    try:
        asked.server.address = (str(ipaddress.ip_address(name)), 443)
    except ValueError:
        client.sni = name
        asked.server.address = ("203.0.113.7", 443)
    return asked


def _constraints(authority: Authority) -> x509.NameConstraints:
    return authority.issuer.extensions.get_extension_for_class(x509.NameConstraints).value


def _handshake(authority: Authority, name: str) -> None:
    """Raises when a client that trusts the root refuses the leaf for `name`."""
    entry = LeafCertificates(authority).get_cert(_asking_for(name))
    leaf = authority.file.parent / "leaf.pem"
    leaf.write_bytes(entry.cert.to_pem() + authority.file.read_bytes())
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(leaf)
    client.load_verify_locations(cadata=authority.root_pem.decode())
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    here = client.wrap_bio(to_client, to_server, server_hostname=name)
    there = server.wrap_bio(to_server, to_client, server_side=True)
    done = False
    while not done:
        done = True
        for side in (here, there):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                done = False


@pytest.mark.parametrize("name", ["api.openai.com", "mine.openai.azure.com"])
def test_it_vouches_for_metered_hosts(tmp_path: Path, name: str) -> None:
    _handshake(ensure_authority(tmp_path, HOSTS, now_ns=now_ns()), name)


def test_it_vouches_for_localhost_and_addresses_that_are_metered(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path, ("localhost", "127.0.0.1", "::1"), now_ns=now_ns())
    _handshake(authority, "localhost")
    _handshake(authority, "127.0.0.1")
    _handshake(authority, "::1")


@pytest.mark.parametrize("name", ["bank.example", "openai.com", "api.openai.com.evil.example"])
def test_it_cannot_vouch_for_another_host(tmp_path: Path, name: str) -> None:
    authority = ensure_authority(tmp_path, HOSTS, now_ns=now_ns())
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        _handshake(authority, name)


@pytest.mark.parametrize("hosts", [HOSTS, ("127.0.0.1",), ("::1",)])
@pytest.mark.parametrize("address", ["10.0.0.1", "2001:db8::1"])
def test_it_cannot_vouch_for_another_address(tmp_path: Path, hosts: tuple[str, ...], address: str) -> None:
    authority = ensure_authority(tmp_path, hosts, now_ns=now_ns())
    with pytest.raises(ssl.SSLCertVerificationError, match="subtree violation"):
        _handshake(authority, address)


def test_the_file_holds_the_issuers_key_and_never_the_roots(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path / "ca", HOSTS, now_ns=now_ns())
    pem = authority.file.read_bytes()
    assert pem.count(b"PRIVATE KEY-----") == 2
    assert load_pem_private_key(pem, None).public_key() == authority.issuer.public_key()
    assert authority.root.public_key() != authority.issuer.public_key()
    assert authority.issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    assert authority.file.stat().st_mode & 0o777 == 0o600
    assert authority.file.parent.stat().st_mode & 0o777 == 0o700


def test_it_survives_a_restart(tmp_path: Path) -> None:
    first = ensure_authority(tmp_path, HOSTS, now_ns=now_ns())
    assert ensure_authority(tmp_path, HOSTS[:1], now_ns=now_ns() + 300 * DAY).root == first.root


def test_it_is_made_anew_before_it_ends(tmp_path: Path) -> None:
    first = ensure_authority(tmp_path, HOSTS, now_ns=now_ns())
    later = now_ns() + 340 * DAY
    second = ensure_authority(tmp_path, HOSTS, now_ns=later)
    assert second.root != first.root
    ends = datetime.datetime.fromtimestamp(later // 1_000_000_000, tz=datetime.UTC) + datetime.timedelta(days=300)
    assert second.issuer.not_valid_after_utc > ends


def test_two_configurations_in_turn_widen_it_once(tmp_path: Path) -> None:
    ensure_authority(tmp_path, ("a.test",), now_ns=now_ns())
    widened = ensure_authority(tmp_path, ("b.test",), now_ns=now_ns())
    assert {name.value for name in _constraints(widened).permitted_subtrees or ()} == {"a.test", "b.test"}
    assert ensure_authority(tmp_path, ("a.test",), now_ns=now_ns()).root == widened.root
    assert ensure_authority(tmp_path, ("b.test",), now_ns=now_ns()).root == widened.root


def test_without_hosts_it_vouches_for_nothing(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path, (), now_ns=now_ns())
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(authority, "bank.example")


@pytest.mark.parametrize("content", [b"", b"garbage", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_an_unreadable_file_is_named_and_kept(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(content)
    with pytest.raises(TokmeterError) as raised:
        ensure_authority(tmp_path, HOSTS, now_ns=now_ns())
    assert raised.value.where == str(file)
    assert raised.value.hint is not None
    assert file.read_bytes() == content


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TokmeterError) as raised:
        ensure_authority(tmp_path / "file" / "ca", HOSTS, now_ns=now_ns())
    assert raised.value.where == str(tmp_path / "file" / "ca")


def test_a_key_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    file = ensure_authority(tmp_path, HOSTS, now_ns=now_ns()).file
    file.chmod(0o644)
    ensure_authority(tmp_path, HOSTS, now_ns=now_ns())
    assert file.stat().st_mode & 0o777 == 0o600
