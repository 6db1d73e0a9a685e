"""Which profile a pod gets, by what is asked for and what its namespace admits."""

from __future__ import annotations

import pytest

from tests.unit.inject.pods import namespace, pod, settings, typed
from tokmeter.inject.annotations import wishes
from tokmeter.inject.outcome import RefusedError
from tokmeter.inject.profile import choose

LEVEL = "pod-security.kubernetes.io/enforce"


def chosen(asked: str | None, level: str | None, setting: str = "auto") -> str:
    injection = settings(f"profile: {setting}\n")
    where = namespace({} if level is None else {LEVEL: level})
    wanted = wishes(typed(pod({} if asked is None else {"tokmeter.io/mode": asked})), where, injection)
    return choose(wanted, where, injection)


@pytest.mark.parametrize(
    ("asked", "level", "setting", "found"),
    [
        (None, None, "auto", "transparent"),
        (None, "privileged", "auto", "transparent"),
        (None, "baseline", "auto", "proxy-env"),
        (None, "restricted", "auto", "proxy-env"),
        ("proxy-env", None, "auto", "proxy-env"),
        (None, None, "proxy-env", "proxy-env"),
        ("proxy-env", "restricted", "transparent", "proxy-env"),
        ("base-url", None, "auto", "base-url"),
        ("base-url", "restricted", "transparent", "base-url"),
        (None, "restricted", "base-url", "base-url"),
        # A level that is not known yet is taken for a strict one.
        (None, "paranoid", "auto", "proxy-env"),
    ],
)
def test_the_strongest_that_is_admitted(asked: str | None, level: str | None, setting: str, found: str) -> None:
    assert chosen(asked, level, setting) == found


@pytest.mark.parametrize(
    ("asked", "level", "setting", "reason"),
    [
        ("transparent", "baseline", "auto", "profile_not_admitted"),
        (None, "restricted", "transparent", "profile_not_admitted"),
    ],
)
def test_what_cannot_be_had_is_refused(asked: str | None, level: str | None, setting: str, reason: str) -> None:
    with pytest.raises(RefusedError) as caught:
        chosen(asked, level, setting)

    assert caught.value.reason == reason
    assert "proxy-env" in caught.value.message
