"""What signs, what is trusted, what is made: for any age of what is there."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from tokmeter.errors import TokmeterError
from tokmeter.injector import limits
from tokmeter.injector.certificates import plan
from tokmeter.injector.certificates.authority import Authority, issue, make_authority, read_authority
from tokmeter.injector.certificates.files import FileCertificates
from tokmeter.injector.certificates.keeper import CertificateKeeper
from tokmeter.injector.contexts import Contexts

HOST = "tokmeter-injector.tokmeter-system.svc"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SETTLE = timedelta(seconds=limits.SETTLE_S)


def pem(*authorities: Authority) -> bytes:
    return b"".join(each.certificate.public_bytes(Encoding.PEM) for each in authorities)


def verified(chain: bytes, trusted: bytes, host: str, now: datetime) -> None:
    store = Store(x509.load_pem_x509_certificates(trusted))
    verifier = PolicyBuilder().store(store).time(now).build_server_verifier(x509.DNSName(host))
    verifier.verify(x509.load_pem_x509_certificate(chain), [])


def test_a_leaf_is_what_it_says_under_its_authority_alone() -> None:
    authority, other = make_authority(HOST, NOW), make_authority(HOST, NOW)
    leaf = issue(authority, HOST, NOW)

    verified(leaf.chain, pem(authority), HOST, NOW)
    with pytest.raises(VerificationError):
        verified(leaf.chain, pem(other), HOST, NOW)
    with pytest.raises(VerificationError):
        verified(leaf.chain, pem(authority), "kubernetes.default.svc", NOW)


def test_an_authority_cannot_speak_for_another_name() -> None:
    authority = make_authority(HOST, NOW)
    leaf = issue(authority, "kubernetes.default.svc", NOW)

    with pytest.raises(VerificationError):
        verified(leaf.chain, pem(authority), "kubernetes.default.svc", NOW)


def test_an_authority_is_read_as_it_was_written() -> None:
    authority = make_authority(HOST, NOW)

    again = read_authority(authority.pem, "here")

    assert (again.certificate, again.name, again.born) == (authority.certificate, authority.name, NOW)


@pytest.mark.parametrize("content", [b"", b"nonsense"])
def test_what_is_no_authority_is_said(content: bytes) -> None:
    with pytest.raises(TokmeterError, match="cannot be read") as error:
        read_authority(content, "Secret a/b, key c")

    assert error.value.where == "Secret a/b, key c"


def test_a_certificate_with_another_key_is_no_authority() -> None:
    one, other = make_authority(HOST, NOW), make_authority(HOST, NOW)
    key = one.pem.partition(b"-----BEGIN CERTIFICATE")[0]

    with pytest.raises(TokmeterError):
        read_authority(key + pem(other), "here")


def test_the_only_authority_signs_at_once() -> None:
    authority = make_authority(HOST, NOW)

    assert plan.signer([authority], pem(authority), NOW) is authority
    assert plan.signer([], b"", NOW) is None


def test_a_new_authority_signs_when_it_was_in_the_bundle_for_long_enough() -> None:
    old, new = make_authority(HOST, NOW - 300 * DAY), make_authority(HOST, NOW)
    both = pem(old, new)

    assert plan.signer([old, new], both, NOW) is old
    assert plan.signer([new, old], both, NOW + SETTLE) is new
    assert plan.signer([old, new], pem(old), NOW + 9 * DAY) is old
    # The old one ended: whatever the bundle says, nothing else is left.
    assert plan.signer([old, new], pem(old), NOW + 70 * DAY) is new


def test_the_bundle_keeps_what_another_replica_may_use_and_nothing_foreign() -> None:
    ended, old, new = (make_authority(HOST, NOW - age * DAY) for age in (400, 300, 0))
    foreign = b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"

    assert plan.certificates(plan.bundle([new], pem(old, ended), NOW)) == [old.certificate, new.certificate]
    assert plan.bundle([new], foreign, NOW) == pem(new)
    assert plan.bundle([new], plan.bundle([old, new], b"", NOW), NOW) == pem(old, new)


def test_the_bundle_is_bounded_by_its_oldest() -> None:
    many = [make_authority(HOST, NOW - age * timedelta(hours=1)) for age in range(limits.BUNDLE_MAX + 3)]

    kept = plan.certificates(plan.bundle(many[:1], pem(*many), NOW))

    assert len(kept) == limits.BUNDLE_MAX
    assert many[0].certificate in kept


class Shared:
    """The Secret and the webhook, in memory."""

    def __init__(self) -> None:
        self.kept: list[Authority] = []
        self.there = b""
        self.down = False
        self.uninstalled = False
        self.conflicts = 0

    def authorities(self) -> list[Authority]:
        self._ask()
        return list(self.kept)

    def keep(self, authorities: list[Authority]) -> bool:  # type: ignore[override, unused-ignore]
        self._ask()
        if self.conflicts:
            self.conflicts -= 1
            return False
        self.kept = list(authorities)
        return True

    def trust(self, wanted) -> bytes:  # type: ignore[no-untyped-def]  # noqa: ANN001
        self._ask()
        if self.uninstalled:
            raise TokmeterError("no such webhook")
        self.there = wanted(self.there)
        return self.there

    def _ask(self) -> None:
        if self.down:
            raise TokmeterError("down")


class Recorded(Contexts):
    """Keeps what it was given, in order, and makes no context of it."""

    def __init__(self) -> None:
        super().__init__()
        self.chains: list[bytes] = []

    def swap(self, chain: bytes, key: bytes, *, where: str) -> None:
        self.chains.append(chain)


def test_for_two_years_every_answer_is_under_what_was_trusted_before() -> None:
    """Two replicas looking at different times; after each look each leaf stands under the bundle of an hour ago."""
    shared = Shared()
    contexts = (Recorded(), Recorded())
    keepers = [CertificateKeeper(shared, HOST, each) for each in contexts]  # type: ignore[arg-type]
    step = timedelta(hours=23)
    now, seen = NOW, b""
    for keeper in keepers:
        keeper.check(now)
    for _ in range(2 * 365 * 24 // 23):
        seen, now = shared.there, now + step
        for keeper in keepers:
            keeper.check(now)
            for context in contexts:
                verified(context.chains[-1], seen, HOST, now)
    assert len(shared.kept) <= 2
    assert len(plan.certificates(shared.there)) <= 3
    issuers = [x509.load_pem_x509_certificate(chain).issuer for chain in contexts[0].chains]
    assert sum(one != other for one, other in pairwise(issuers)) == 2


def test_serving_certificates_go_on_while_the_cluster_is_away() -> None:
    shared, contexts = Shared(), Recorded()
    keeper = CertificateKeeper(shared, HOST, contexts)  # type: ignore[arg-type]
    assert keeper.check(NOW)
    assert not keeper.check(NOW + timedelta(hours=1))
    shared.down = True

    with pytest.raises(TokmeterError):
        keeper.check(NOW + 2 * DAY)

    assert len(contexts.chains) == 2
    verified(contexts.chains[-1], shared.there, HOST, NOW + 2 * DAY)


def test_nothing_is_served_before_anybody_trusts_it() -> None:
    shared, contexts = Shared(), Contexts()
    shared.down = True

    with pytest.raises(TokmeterError):
        CertificateKeeper(shared, HOST, contexts).check(NOW)  # type: ignore[arg-type]

    assert contexts.current is None


def test_a_webhook_that_is_not_installed_yet_keeps_it_from_serving() -> None:
    shared, contexts = Shared(), Contexts()
    shared.uninstalled = True

    with pytest.raises(TokmeterError):
        CertificateKeeper(shared, HOST, contexts).check(NOW)  # type: ignore[arg-type]

    assert len(shared.kept) == 1
    assert contexts.current is None


def test_others_may_be_quicker_but_not_for_ever() -> None:
    shared = Shared()
    shared.conflicts = limits.CONFLICTS_MAX - 1
    assert CertificateKeeper(shared, HOST, Contexts()).check(NOW)  # type: ignore[arg-type]

    shared = Shared()
    shared.conflicts = limits.CONFLICTS_MAX
    with pytest.raises(TokmeterError, match="others write it"):
        CertificateKeeper(shared, HOST, Contexts()).check(NOW)  # type: ignore[arg-type]


def test_a_leaf_that_ends_with_its_authority_is_not_made_again_and_again() -> None:
    authority = make_authority(HOST, NOW - 364 * DAY)
    leaf = issue(authority, HOST, NOW)

    assert leaf.ends == authority.ends
    assert not plan.leaf_due(leaf, authority, NOW)


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(TokmeterError, match="cannot be read") as error:
        FileCertificates(tmp_path / "tls.crt", tmp_path / "tls.key", Contexts()).check(NOW)

    assert error.value.where == str(tmp_path / "tls.crt")
