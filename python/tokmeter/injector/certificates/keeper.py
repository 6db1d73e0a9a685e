"""Keeps the injector's own certificate going: one look at the Secret and at the webhook's bundle at a time.

Owns the order of writes: the bundle is written and seen before a serving certificate changes. Knows no plan of its own
(`plan`) and no API server (`Shared`). While the API server cannot be asked, what is known goes on being used.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from tokmeter.errors import TokmeterError
from tokmeter.injector import limits
from tokmeter.injector.certificates import plan
from tokmeter.injector.certificates.authority import Authority, Leaf, issue, make_authority
from tokmeter.injector.contexts import Contexts


class Shared(Protocol):
    """What replicas have in common."""

    def authorities(self) -> list[Authority]:
        """Those in the Secret; none when there is no Secret. Raises `TokmeterError`."""
        ...

    def keep(self, authorities: Sequence[Authority]) -> bool:
        """Writes them; False when another replica wrote since they were read. Raises `TokmeterError`."""
        ...

    def trust(self, wanted: Callable[[bytes], bytes]) -> bytes:
        """Sets the bundle to what `wanted` makes of the one that is there; the bundle there now. Raises `TokmeterError`."""
        ...


class CertificateKeeper:
    """One replica's view. Not for several threads."""

    def __init__(self, shared: Shared, host: str, contexts: Contexts) -> None:
        """`host` is the name by which the API server calls."""
        self._shared = shared
        self._host = host
        self._contexts = contexts
        self._authorities: list[Authority] = []
        self._observed = b""
        self._leaf: Leaf | None = None

    def check(self, now: datetime) -> bool:
        """Does what is due; whether the serving certificate changed. Raises `TokmeterError` after having done what it can."""
        try:
            self._authorities = self._agreed(now)
            self._observed = self._shared.trust(lambda there: plan.bundle(self._authorities, there, now))
        except TokmeterError:
            self._serve(now)
            raise
        return self._serve(now)

    def _agreed(self, now: datetime) -> list[Authority]:
        for _ in range(limits.CONFLICTS_MAX):
            found = self._shared.authorities()
            # A Secret that somebody deleted is written again: serving certificates by what was in it are in use.
            known = plan.alive(found or self._authorities, now)
            wanted = [*known, make_authority(self._host, now)] if plan.authority_due(known, now) else known
            if [each.name for each in wanted] == [each.name for each in plan.alive(found, now)]:
                return wanted
            if self._shared.keep(wanted):
                return wanted
        raise TokmeterError(
            "the certificate authority could not be written: others write it all the time",
            hint="see who changes the Secret of the injector",
        )

    def _serve(self, now: datetime) -> bool:
        signer = plan.signer(self._authorities, self._observed, now)
        # Before the API server trusts anything of ours, an answer would be of no use.
        if signer is None or not self._observed or not plan.leaf_due(self._leaf, signer, now):
            return False
        leaf = issue(signer, self._host, now)
        self._contexts.swap(leaf.chain, leaf.key, where=f"authority {signer.name}")
        self._leaf = leaf
        return True
