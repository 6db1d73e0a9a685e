"""The bounds of the webhook fit one another."""

from tokmeter.injector import limits


def test_leaving_takes_less_than_five_seconds() -> None:
    assert limits.LINGER_S + limits.DRAIN_S + 2 * limits.STOP_POLL_S < 5


def test_a_serving_certificate_is_renewed_many_looks_before_its_end() -> None:
    assert limits.LEAF_RENEWAL_HOURS < limits.LEAF_HOURS
    assert limits.LEAF_RENEWAL_HOURS * 3600 > 100 * limits.CHECK_S


def test_every_replica_has_looked_before_a_new_authority_signs() -> None:
    assert limits.SETTLE_S > 10 * limits.CHECK_S


def test_an_authority_outlives_what_the_one_before_signed() -> None:
    assert limits.AUTHORITY_RENEWAL_DAYS * 24 > 2 * limits.LEAF_HOURS
    assert limits.AUTHORITY_DAYS > 2 * limits.AUTHORITY_RENEWAL_DAYS


def test_the_bundle_has_room_for_all_that_live_at_once() -> None:
    made_a_life = limits.AUTHORITY_DAYS / (limits.AUTHORITY_DAYS - limits.AUTHORITY_RENEWAL_DAYS)

    assert made_a_life + 1 < limits.BUNDLE_MAX
