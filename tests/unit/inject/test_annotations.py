"""What people ask for, and what is not a pod's to ask for."""

from __future__ import annotations

import pytest

from tests.unit.inject.pods import namespace, pod, settings, typed
from tokmeter.inject.annotations import Wishes, wishes
from tokmeter.inject.outcome import RefusedError


def asked(own: dict[str, str] | None = None, theirs: dict[str, str] | None = None) -> Wishes:
    return wishes(typed(pod(own)), namespace(annotations=theirs), settings())


def test_nothing_asked_for_is_the_settings() -> None:
    found = asked()

    assert (found.profile, found.mode, found.fail_closed, found.budgets, found.allowed_budgets) == (None,) * 5
    assert (found.ports, found.skip_cidrs) == ((443,), ("10.96.0.1/32",))


def test_everything_may_be_asked_for() -> None:
    found = asked(
        {
            "tokmeter.io/mode": "proxy-env",
            "tokmeter.io/enforce": "on",
            "tokmeter.io/fail": "closed",
            "tokmeter.io/ports": "8443, 443",
            "tokmeter.io/skip-cidrs": "10.1.0.0/16,fd00::/8",
            "tokmeter.io/budget": "small,small",
            "example.com/other": "ignored",
        },
        {"tokmeter.io/budgets": "small,rich", "tokmeter.io/ports": "9443"},
    )

    assert (found.profile, found.mode, found.fail_closed) == ("proxy-env", "enforce", True)
    # Ports are only ever added: a pod must not move its traffic past the sidecar.
    assert found.ports == (443, 8443, 9443)
    assert found.skip_cidrs == ("10.96.0.1/32", "10.1.0.0/16", "fd00::/8")
    assert (found.budgets, found.allowed_budgets) == (("small",), ("small", "rich"))


@pytest.mark.parametrize(
    ("own", "theirs", "mode"),
    [
        (None, {"tokmeter.io/enforce": "shadow"}, "shadow"),
        ({"tokmeter.io/enforce": "on"}, {"tokmeter.io/enforce": "shadow"}, "enforce"),
        ({"tokmeter.io/enforce": "off"}, None, "off"),
    ],
)
def test_a_pod_may_be_stricter_than_its_namespace(
    own: dict[str, str] | None, theirs: dict[str, str] | None, mode: str
) -> None:
    assert asked(own, theirs).mode == mode


@pytest.mark.parametrize(
    ("own", "theirs"),
    [
        ({"tokmeter.io/enforce": "off"}, {"tokmeter.io/enforce": "on"}),
        ({"tokmeter.io/fail": "open"}, {"tokmeter.io/fail": "closed"}),
        ({"tokmeter.io/skip-cidrs": "0.0.0.0/0"}, {"tokmeter.io/enforce": "on"}),
    ],
)
def test_a_pod_may_not_be_gentler_than_its_namespace(own: dict[str, str], theirs: dict[str, str]) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(own, theirs)

    assert caught.value.reason == "weaker_than_namespace"
    assert next(iter(own)) in caught.value.message


@pytest.mark.parametrize(
    ("own", "hint"),
    [
        ({"tokmeter.io/mode": "proxyenv"}, "did you mean 'proxy-env'?"),
        ({"tokmeter.io/enforced": "on"}, "did you mean 'tokmeter.io/enforce'?"),
        ({"tokmeter.io/ports": "https"}, "write numbers"),
        ({"tokmeter.io/ports": "15401"}, "the proxy's own port"),
        ({"tokmeter.io/ports": ",".join(map(str, range(1, 30)))}, "more than 16 ports"),
        ({"tokmeter.io/skip-cidrs": ",".join(f"10.0.{i}.0/24" for i in range(70))}, "more than 64 networks"),
    ],
)
def test_what_cannot_be_meant_is_told_with_a_hint(own: dict[str, str], hint: str) -> None:
    with pytest.raises(RefusedError) as caught:
        asked(own)

    assert caught.value.reason == "invalid_annotation"
    assert hint in caught.value.message
