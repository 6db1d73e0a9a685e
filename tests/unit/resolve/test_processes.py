"""Which processes are meant, and what is said when nobody is."""

import shutil

import pytest
from tests.unit.resolve.host import ID, OTHER, POD, SANDBOX, UID, Host, v1, v2

from tokmeter.errors import TokmeterError
from tokmeter.resolve import Resolver, processes
from tokmeter.resolve.processes import every, of_cgroup, of_container, of_pod

POD_GROUP = f"/kubepods/burstable/pod{UID}"


@pytest.fixture
def node(host: Host) -> Host:
    """A service, a container of Docker, one inside of it, and a pod of two containers beside what holds it together."""
    host.process(10, cgroup=v2("/system.slice/a.service"))
    host.process(20, cgroup=v1(f"/docker/{OTHER}"))
    host.process(21, cgroup=v1(f"/docker/{OTHER}/docker/{'c' * 64}"))
    host.docker(OTHER, "builder")
    host.process(30, cgroup=v2(f"{POD_GROUP}/{SANDBOX}"))
    host.process(31, cgroup=v2(f"{POD_GROUP}/{ID}"))
    host.process(32, cgroup=v2(f"{POD_GROUP}/{ID}"))
    host.cri(SANDBOX, None)
    host.cri(ID, "app")
    for name in ("self", "sys", "1x"):
        (host.root / "proc" / name).mkdir()
    return host


def test_every_process(node: Host) -> None:
    assert every(Resolver(node.roots)) == [10, 20, 21, 30, 31, 32]
    shutil.rmtree(node.root / "proc")
    with pytest.raises(TokmeterError, match="no processes") as raised:
        every(Resolver(node.roots))
    assert raised.value.where == str(node.roots.proc)
    assert raised.value.hint


@pytest.mark.parametrize(
    ("wanted", "pids"),
    [
        ("builder", [20, 21]),
        (OTHER, [20, 21]),
        (OTHER[:4], [20, 21]),
        ("c" * 12, [21]),
        ("app", [31, 32]),
        (ID[:12], [31, 32]),
        (SANDBOX[:6], [30]),
    ],
)
def test_a_container_by_name_or_by_the_beginning_of_its_id(node: Host, wanted: str, pids: list[int]) -> None:
    assert of_container(Resolver(node.roots), wanted) == pids


def test_a_name_wins_over_an_id_that_begins_so(node: Host) -> None:
    node.docker(OTHER, ID[:4])

    assert of_container(Resolver(node.roots), ID[:4]) == [20, 21]


def test_what_no_runtime_names_goes_by_the_only_container_of_its_pod(node: Host) -> None:
    shutil.rmtree(node.root / "run")
    node.logs()

    assert of_container(Resolver(node.roots), "app") == [30, 31, 32]


def test_a_container_that_is_not_there_or_not_unique(node: Host) -> None:
    for wanted in ("nope", "", "docker"):
        with pytest.raises(TokmeterError, match="no running container") as raised:
            of_container(Resolver(node.roots), wanted)
        assert "app, builder" in str(raised.value.hint)
    node.docker("d" * 64, "app")
    node.process(40, cgroup=v1(f"/docker/{'d' * 64}"))
    with pytest.raises(TokmeterError, match="2 running containers are meant by app") as raised:
        of_container(Resolver(node.roots), "app")
    assert raised.value.hint == f"there are: {ID[:12]} (shop/{POD}/app), dddddddddddd (app)"


def test_a_pod_by_namespace_and_name(node: Host) -> None:
    assert of_pod(Resolver(node.roots), f"shop/{POD}") == [30, 31, 32]


@pytest.mark.parametrize("wanted", ["", "web", "/", "a/", "/b", "a/b/c"])
def test_what_names_no_pod(node: Host, wanted: str) -> None:
    with pytest.raises(TokmeterError, match="does not name a pod") as raised:
        of_pod(Resolver(node.roots), wanted)
    assert "NAMESPACE/NAME" in str(raised.value.hint)


def test_a_pod_that_is_not_there(node: Host) -> None:
    with pytest.raises(TokmeterError, match="no running pod other/") as raised:
        of_pod(Resolver(node.roots), f"other/{POD}")
    assert raised.value.hint == f"there are: shop/{POD}"


@pytest.fixture
def groups_v2(host: Host) -> Host:
    host.group("", [1])
    host.group("system.slice", [])
    host.group("system.slice/a.service", [10, 0])
    host.group("system.slice/a.service/worker", [11])
    host.group("system.slice/b.service", [12])
    (host.root / "sys/fs/cgroup/system.slice/a.service/loop").symlink_to("..")
    return host


@pytest.mark.parametrize(
    "path",
    [
        "/system.slice/a.service",
        "system.slice/a.service",
        "{mount}/system.slice/a.service",
        "//system.slice/./a.service/",
    ],
)
def test_a_group_and_all_below_it(groups_v2: Host, path: str) -> None:
    asked = path.format(mount=groups_v2.roots.cgroup)

    assert of_cgroup(Resolver(groups_v2.roots), asked) == [10, 11]


def test_an_empty_group_is_no_error(groups_v2: Host) -> None:
    groups_v2.group("empty", [])

    assert of_cgroup(Resolver(groups_v2.roots), "empty") == []
    assert of_cgroup(Resolver(groups_v2.roots), "/") == [1, 10, 11, 12]


def test_v1_has_a_group_in_each_hierarchy(host: Host) -> None:
    for controller in ("memory", "pids", "unified"):
        host.group(controller, [1])
    host.group("memory/docker/x", [20])
    host.group("pids/docker/x", [20, 21])

    assert of_cgroup(Resolver(host.roots), "/docker/x") == [20, 21]
    assert of_cgroup(Resolver(host.roots), "memory/docker/x") == [20]
    assert of_cgroup(Resolver(host.roots), f"{host.roots.cgroup}/memory/docker/x") == [20]


@pytest.mark.parametrize("path", ["", "nope", "../../etc", "/../x", "a\0b", "system.slice/a.service/cgroup.procs"])
def test_a_group_that_is_not_there(groups_v2: Host, path: str) -> None:
    groups_v2.write("etc/cgroup.procs", "1\n")
    with pytest.raises(TokmeterError, match="no control group") as raised:
        of_cgroup(Resolver(groups_v2.roots), path)
    assert raised.value.where == str(groups_v2.roots.cgroup)
    assert raised.value.hint


def test_a_list_that_was_cut_names_no_half_process(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    host.group("a", [1234, 5678])
    monkeypatch.setattr(processes, "LIST_BYTES_MAX", 8)

    assert of_cgroup(Resolver(host.roots), "a") == [1234]
