"""Which authority signs, what the API server is to trust, what must be made. Pure: the same for every replica.

Nothing has to be agreed between replicas but the Secret: all follows from the certificates in it and the time. A new
authority is put into the bundle first, and signs once it has been there for long enough and is seen to be there. Old
ones stay in the bundle until they end, so no serving certificate of any replica is ever without its authority.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tokmeter.injector import limits
from tokmeter.injector.certificates.authority import ORGANIZATION, Authority, Leaf

_RENEWAL = timedelta(days=limits.AUTHORITY_RENEWAL_DAYS)
_SETTLE = timedelta(seconds=limits.SETTLE_S)
_LEAF_RENEWAL = timedelta(hours=limits.LEAF_RENEWAL_HOURS)


def alive(authorities: Iterable[Authority], now: datetime) -> list[Authority]:
    """Those that have not ended, oldest first."""
    return sorted((known for known in authorities if known.ends > now), key=lambda known: (known.born, known.name))


def authority_due(authorities: Iterable[Authority], now: datetime) -> bool:
    """Whether another authority must be made now."""
    return all(known.ends - now < _RENEWAL for known in authorities)


def leaf_due(leaf: Leaf | None, signer: Authority, now: datetime) -> bool:
    """Whether another serving certificate must be made now."""
    if leaf is None or leaf.signer != signer.name:
        return True
    # One that ends with its authority is not made better by another of the same authority.
    return leaf.ends - now < _LEAF_RENEWAL and leaf.ends < signer.ends


def bundle(authorities: Iterable[Authority], observed: bytes, now: datetime) -> bytes:
    """What the API server is to trust: ours, and whatever of ours it trusts already and another replica may still use."""
    trusted = {known.certificate: None for known in alive(authorities, now)}
    for certificate in certificates(observed):
        if certificate.not_valid_after_utc > now and _is_ours(certificate):
            trusted.setdefault(certificate)
    newest = sorted(trusted, key=lambda each: (each.not_valid_before_utc, each.serial_number))[-limits.BUNDLE_MAX :]
    return b"".join(certificate.public_bytes(Encoding.PEM) for certificate in newest)


def signer(authorities: Sequence[Authority], observed: bytes, now: datetime) -> Authority | None:
    """The newest authority that the API server is known to trust; before there is one, the oldest that lives."""
    living = alive(authorities, now)
    if not living:
        return None
    trusted = set(certificates(observed))
    settled = [known for known in living if known.certificate in trusted and now - known.born >= _SETTLE]
    if settled:
        return settled[-1]
    seen = [known for known in living if known.certificate in trusted]
    return (seen or living)[0]


def certificates(pem: bytes) -> list[x509.Certificate]:
    """Those in `pem`; none in what is no PEM, as before the first authority."""
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []


def _is_ours(certificate: x509.Certificate) -> bool:
    names = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return any(name.value == ORGANIZATION for name in names)
