"""The trust files hold everyone's roots and ours."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from tokmeter.capture.proxy.authority import Authority, ensure_authority
from tokmeter.capture.proxy.trust import write_trust
from tokmeter.clock import now_ns
from tokmeter.errors import TokmeterError
from tokmeter.variables import TRUSTSTORE_PASSWORD

# Some of the world's roots are older than the rules.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Parsed a serial number:cryptography.utils.CryptographyDeprecationWarning"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return ensure_authority(tmp_path / "ca", ("api.openai.com",), now_ns=now_ns())


def test_the_bundle_holds_the_worlds_roots_and_ours(tmp_path: Path, authority: Authority) -> None:
    files = write_trust(tmp_path / "trust", authority)
    roots = x509.load_pem_x509_certificates(files.bundle.read_bytes())
    assert authority.root in roots
    assert len(roots) > 100
    assert len(set(roots)) == len(roots)
    assert files.bundle.stat().st_mode & 0o777 == 0o644


def test_no_file_holds_a_key(tmp_path: Path, authority: Authority) -> None:
    files = write_trust(tmp_path / "trust", authority)
    assert all(b"PRIVATE KEY" not in file.read_bytes() for file in files.bundle.parent.iterdir())


def test_the_single_certificate_is_alone(tmp_path: Path, authority: Authority) -> None:
    files = write_trust(tmp_path / "trust", authority)
    assert x509.load_pem_x509_certificates(files.certificate.read_bytes()) == [authority.root]


def test_the_truststore_holds_the_same_as_the_bundle(tmp_path: Path, authority: Authority) -> None:
    files = write_trust(tmp_path / "trust", authority)
    store = pkcs12.load_pkcs12(files.truststore.read_bytes(), TRUSTSTORE_PASSWORD.encode())
    stored = {entry.certificate for entry in store.additional_certs}
    assert stored == set(x509.load_pem_x509_certificates(files.bundle.read_bytes()))


def test_roots_of_the_users_own_are_kept(tmp_path: Path, authority: Authority) -> None:
    other = ensure_authority(tmp_path / "other", ("corp.test",), now_ns=now_ns())
    own = tmp_path / "own.pem"
    own.write_bytes(other.root_pem)
    files = write_trust(tmp_path / "trust", authority, roots=(own,))
    assert other.root in x509.load_pem_x509_certificates(files.bundle.read_bytes())


def test_files_that_say_the_same_are_left_alone(tmp_path: Path, authority: Authority) -> None:
    first = write_trust(tmp_path / "trust", authority)
    before = {file.name: file.stat().st_ino for file in first.bundle.parent.iterdir()}
    write_trust(tmp_path / "trust", authority)
    assert {file.name: file.stat().st_ino for file in first.bundle.parent.iterdir()} == before


@pytest.mark.parametrize("content", [None, b"not a certificate"])
def test_unreadable_roots_are_named(tmp_path: Path, authority: Authority, content: bytes | None) -> None:
    own = tmp_path / "own.pem"
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(TokmeterError) as raised:
        write_trust(tmp_path / "trust", authority, roots=(own,))
    assert raised.value.where == str(own)
