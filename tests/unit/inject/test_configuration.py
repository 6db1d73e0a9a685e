"""The configuration of one sidecar."""

from __future__ import annotations

import pytest

from tests.unit.inject.pods import namespace, pod, settings, typed
from tokmeter.config import Config
from tokmeter.config.document import parse
from tokmeter.config.load import check
from tokmeter.inject import Injection
from tokmeter.inject.annotations import wishes
from tokmeter.inject.configuration import configuration
from tokmeter.inject.outcome import RefusedError
from tokmeter.inject.settings import Profile


def rendered(
    injection: Injection, grace_s: int | None = None, own: dict[str, str] | None = None, profile: Profile = "proxy-env"
) -> Config:
    asked = wishes(typed(pod(own)), namespace(), injection)
    return check(parse(configuration(injection, asked, profile, injection.budgets, grace_s), "rendered"))


@pytest.mark.parametrize(
    ("profile", "mode", "listen", "ca_dir"),
    [
        ("transparent", "transparent", ("127.0.0.1:15401", "[::1]:15401"), "/run/tokmeter/ca"),
        ("proxy-env", "regular", "127.0.0.1:15401", "/run/tokmeter/ca"),
        ("base-url", "base-url", "127.0.0.1:15401", None),
    ],
)
def test_a_profile_is_a_mode_of_the_proxy(
    profile: Profile, mode: str, listen: str | tuple[str, ...], ca_dir: str | None
) -> None:
    proxy = rendered(settings(), profile=profile).proxy

    assert (proxy.mode, proxy.listen, proxy.ca_dir) == (mode, listen, ca_dir)


@pytest.mark.parametrize(("grace_s", "drain_s"), [(None, 25), (30, 25), (10, 5), (3, 0), (600, 25)])
def test_draining_ends_before_the_pod_is_killed(grace_s: int | None, drain_s: int) -> None:
    assert rendered(settings(), grace_s).proxy.drain_s == drain_s


def test_the_settings_own_words_count_where_the_pod_has_none() -> None:
    more = "{mode: shadow, proxy: {fail_closed: true, drain_s: 7}, attribution: {users: plain}}"
    injection = settings().__class__(image="a", configuration=check(parse(more, "f")))

    found = rendered(injection)

    assert (found.mode, found.proxy.fail_closed, int(found.proxy.drain_s)) == ("shadow", True, 7)
    assert found.attribution.users == "plain"
    assert rendered(injection, own={"tokmeter.io/enforce": "on", "tokmeter.io/fail": "open"}).mode == "enforce"


def test_a_pod_cannot_carry_any_amount_of_configuration() -> None:
    many = "".join(f"  - {{name: b{i}, limit: {{usd: 1}}, window: {{period: day}}}}\n" for i in range(2000))
    injection = settings().__class__(image="a", budgets=check(parse(f"budgets:\n{many}", "f")).budgets)

    with pytest.raises(RefusedError, match="larger than 65536 bytes"):
        rendered(injection)
