"""Whole resolutions over a host of files: every runtime and driver, v1, hybrid and v2; what is kept, and for how long."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.resolve.host import CANARY, ID, POD, UID, UNDERSCORED, Host, hybrid, v1, v2

from tokmeter import _core
from tokmeter.resolve import Resolver, resolver
from tokmeter.resolve.pod import PodNames
from tokmeter.resolve.resolver import FRESH_NS, INCOMPLETE_FRESH_NS
from tokmeter.resolve.unit import Unit
from tokmeter.testing import ManualClock

SLICE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice"
LAYOUTS = pytest.mark.parametrize("layout", [v1, hybrid, v2])


@LAYOUTS
@pytest.mark.parametrize(
    ("group", "runtime"),
    [
        (f"{SLICE}/cri-containerd-{ID}.scope", "containerd"),
        (f"/kubepods/burstable/pod{UID}/{ID}", None),
        (
            f"/system.slice/containerd.service/kubepods-burstable-pod{UNDERSCORED}.slice:cri-containerd:{ID}",
            "containerd",
        ),
        (f"/docker/{'e' * 64}/kubelet/kubepods/pod{UID}/{ID}", None),
    ],
)
def test_a_pod_of_containerd(host: Host, layout: Callable[[str], str], group: str, runtime: str | None) -> None:
    host.process(7, cgroup=layout(group))
    host.cri(ID, "app")

    found = Resolver(host.roots).workload(7)

    assert found is not None
    assert (found.container_id, found.runtime, found.container) == (ID, runtime, "app")
    assert (found.pod_uid, found.pod, found.namespace, found.unit) == (UID, POD, "shop", None)
    assert (found.cgroup, found.service, found.is_complete) == (group, "checkout", True)


@LAYOUTS
@pytest.mark.parametrize("group", [f"{SLICE}/crio-{ID}.scope", f"/kubepods/burstable/pod{UID}/crio-{ID}"])
def test_a_pod_of_cri_o(host: Host, layout: Callable[[str], str], group: str) -> None:
    host.process(7, cgroup=layout(group))
    host.stored({ID: f"k8s_app_{POD}_shop_{UID}_0"})

    found = Resolver(host.roots).workload(7)

    assert found is not None
    assert (found.runtime, found.container, found.pod, found.namespace) == ("cri-o", "app", POD, "shop")


@LAYOUTS
@pytest.mark.parametrize("group", [f"/docker/{ID}", f"/system.slice/docker-{ID}.scope"])
def test_a_container_of_docker(host: Host, layout: Callable[[str], str], group: str) -> None:
    host.process(7, cgroup=layout(group))
    host.docker(ID, "price-bot")

    found = Resolver(host.roots).workload(7)

    assert found is not None
    assert (found.runtime, found.container, found.service, found.unit) == ("docker", "price-bot", "price-bot", None)


@LAYOUTS
@pytest.mark.parametrize(
    "group",
    [f"/libpod_parent/libpod-{ID}", f"/machine.slice/libpod-{ID}.scope", f"/machine.slice/libpod-{ID}.scope/container"],
)
def test_a_container_of_podman(host: Host, layout: Callable[[str], str], group: str) -> None:
    host.process(7, cgroup=layout(group))
    host.stored({ID: "price-bot"})

    found = Resolver(host.roots).workload(7)

    assert found is not None
    assert (found.runtime, found.container, found.service) == ("podman", "price-bot", "price-bot")


def test_a_service_of_the_host(host: Host) -> None:
    host.process(
        7, comm="gunicorn", cgroup=v2("/system.slice/price-bot.service"), environ={"OTEL_SERVICE_NAME": "prices"}
    )

    found = Resolver(host.roots).workload(7)

    assert found is not None
    assert (found.unit, found.service, found.process, found.container_label) == (
        Unit("price-bot.service"),
        "prices",
        "gunicorn",
        None,
    )
    assert (found.uid, found.user, found.start_time, found.parent) == (1000, "alice", 4242, 1)


def test_users_have_the_names_of_their_own_files(host: Host) -> None:
    group = v2(f"/docker/{ID}")
    host.process(1, cgroup=group)
    host.process(2, cgroup=group)
    host.inside(2, "etc/passwd", "node:x:1000:1000::/:/bin/sh\n")
    host.process(3, uid_map="0 100000 65536\n")
    host.process(4, uid=77)

    resolved = [Resolver(host.roots).workload(pid) for pid in (1, 2, 3, 4)]

    # The host's alice is not who runs in a container, and has another number in a user namespace.
    assert [found and found.user for found in resolved] == ["1000", "node", "1000", "77"]


def test_a_process_that_is_gone_is_none(host: Host) -> None:
    host.process(7)
    (host.root / "proc/8").mkdir()
    found = Resolver(host.roots)

    assert found.workload(7) is not None
    shutil.rmtree(host.root / "proc/7")
    for pid in (7, 8, 9, 0, -1):
        assert found.workload(pid) is None


def test_a_process_id_that_is_given_away_meanwhile_is_none(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.process(7, start=1)

    def meanwhile(*asked: object) -> object:
        host.process(7, start=2)
        return PodNames()

    monkeypatch.setattr(resolver, "names_of", meanwhile)

    assert Resolver(host.roots).workload(7) is None


def test_a_reused_process_id_is_another_workload(host: Host) -> None:
    host.process(7, comm="one", start=1)
    found = Resolver(host.roots)
    first = found.workload(7)
    host.process(7, comm="two", start=2)
    second = found.workload(7)

    assert first is not None
    assert second is not None
    assert (first.process, second.process) == ("one", "two")


@pytest.mark.parametrize(
    "change",
    [
        {"image": 8},
        {"comm": "other"},
        {"cgroup": v2("/system.slice/b.service")},
        {"uid": 0},
    ],
)
def test_what_a_process_becomes_is_seen_at_once(host: Host, change: dict[str, object]) -> None:
    host.process(7)
    found = Resolver(host.roots, now=ManualClock())
    first = found.workload(7)
    assert found.workload(7) is first
    host.process(7, environ={"TOKMETER_SERVICE": "later"}, **change)  # type: ignore[arg-type] # one argument of several types

    later = found.workload(7)

    assert later is not None
    assert later.declared_service == "later"


def test_names_that_change_unseen_are_asked_again(host: Host) -> None:
    clock = ManualClock()
    host.process(7, cgroup=v2(f"/docker/{ID}"))
    found = Resolver(host.roots, now=clock)

    def name() -> str | None:
        workload = found.workload(7)
        assert workload is not None
        return workload.container

    assert name() is None
    host.docker(ID, "one")
    assert name() is None
    clock.advance(ns=INCOMPLETE_FRESH_NS)
    assert name() == "one"
    host.docker(ID, "two")
    clock.advance(ns=FRESH_NS - 1)
    assert name() == "one"
    clock.advance(ns=1)
    assert name() == "two"


def test_the_cache_is_bounded_and_keeps_who_was_asked_last(host: Host) -> None:
    for pid in (1, 2, 3):
        host.process(pid)
    found = Resolver(host.roots, cached_max=2, now=ManualClock())
    one, two = found.workload(1), found.workload(2)
    assert found.workload(1) is one
    found.workload(3)

    assert found.workload(1) is one
    assert found.workload(2) is not two
    assert len(found._cache) == 2


def test_no_secret_is_kept(host: Host) -> None:
    host.process(7, cgroup=v2(f"/kubepods/pod{UID}/{ID}"))
    host.cri(ID, "app")
    host.docker(ID, "app")
    found = Resolver(host.roots)
    workload = found.workload(7)

    assert CANARY not in repr(workload)
    assert CANARY.encode() not in pickle.dumps((workload, [repr(kept) for kept in found._cache.values()]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["stat", "status", "cgroup", "cmdline", "environ", "uid_map", "root/etc/passwd"]),
        st.binary(max_size=300),
    ),
    st.binary(max_size=300),
)
def test_any_bytes_in_any_file_resolve_or_do_not(tmp_path: Path, odd: dict[str, bytes], state: bytes) -> None:
    host = Host(tmp_path)
    host.process(7, cgroup=v2(f"/kubepods/pod{UID}/{ID}"))
    for name, data in odd.items():
        host.write(f"proc/7/{name}", data)
    host.write(f"var/lib/docker/containers/{ID}/config.v2.json", state)
    host.write("var/lib/containers/storage/overlay-containers/containers.json", state)
    host.write(f"var/lib/kubelet/pods/{UID}/etc-hosts", state)
    host.write("etc/passwd", state)

    found = Resolver(host.roots).workload(7)

    assert found is None or isinstance(found.attribution(), _core.Attribution)
