"""systemd units of the system, of users and of containers, and what they are called as services."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.resolve.host import ID, UNDERSCORED

from tokmeter.resolve.unit import Unit, find, unescape

USER = "/user.slice/user-1000.slice/user@1000.service"


@pytest.mark.parametrize(
    ("path", "unit", "service"),
    [
        ("/system.slice/nginx.service", Unit("nginx.service"), "nginx"),
        ("/system.slice/nginx.service/workers/1", Unit("nginx.service"), "nginx"),
        ("/system.slice/system-worker.slice/worker@3.service", Unit("worker@3.service"), "worker"),
        (r"/system.slice/price\x2dbot.service", Unit(r"price\x2dbot.service"), "price-bot"),
        ("/user.slice/user-1000.slice/session-3.scope", Unit("session-3.scope"), None),
        (USER, Unit("user@1000.service"), None),
        (f"{USER}/init.scope", Unit("init.scope", 1000), None),
        (f"{USER}/app.slice/notes.service", Unit("notes.service", 1000), "notes"),
        (
            f"{USER}/app.slice/app-gnome-org.x.Editor-2211.scope",
            Unit("app-gnome-org.x.Editor-2211.scope", 1000),
            "org.x.Editor",
        ),
        ("/system.slice/run-u123.service", Unit("run-u123.service"), None),
        ("/system.slice/run-p12-i34.scope", Unit("run-p12-i34.scope"), None),
        ("/init.scope", Unit("init.scope"), None),
        (f"/system.slice/docker-{ID}.scope", None, None),
        (f"/system.slice/docker-{ID}.scope/system.slice/cron.service", Unit("cron.service"), "cron"),
        (f"/system.slice/containerd.service/kubepods-pod{UNDERSCORED}.slice:cri-containerd:{ID}", None, None),
        (f"{USER}/user.slice/libpod-{ID}.scope/container", None, None),
        (f"/machine.slice/libpod-conmon-{ID}.scope", None, None),
        (f"/system.slice/docker.service/docker/{ID}", None, None),
        ("/system.slice", None, None),
        ("/", None, None),
    ],
)
def test_the_innermost_unit(path: str, unit: Unit | None, service: str | None) -> None:
    found = find(path)

    assert found == unit
    assert (found.service if found else None) == service


def test_escapes_that_are_no_text_stay() -> None:
    assert unescape(r"a\x2db") == "a-b"
    assert unescape(r"\xc3\xa9t\xc3\xa9") == "été"
    assert unescape(r"a\xff") == r"a\xff"


@settings(deadline=None)
@given(
    st.text() | st.lists(st.sampled_from([".service", "user@1.service", f"docker-{ID}.scope", "@.scope"])).map("/".join)
)
def test_any_path_has_a_unit_or_none(path: str) -> None:
    found = find(path)

    assert found is None or found.service != ""
