"""The groups that runtimes make, with both drivers, nested and rootless; and those that are not containers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.resolve.host import ID, OTHER, UID, UNDERSCORED

from tokmeter.resolve.container import Container, containers

BURSTABLE = f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{UNDERSCORED}.slice"
USER = "/user.slice/user-1000.slice/user@1000.service"


@pytest.mark.parametrize(
    ("path", "runtime"),
    [
        (f"/docker/{ID}", "docker"),
        (f"/system.slice/docker-{ID}.scope", "docker"),
        (f"{USER}/app.slice/docker-{ID}.scope", "docker"),
        (f"{BURSTABLE}/cri-containerd-{ID}.scope", "containerd"),
        (f"{BURSTABLE}/docker-{ID}.scope", "docker"),
        (f"{BURSTABLE}/crio-{ID}.scope", "cri-o"),
        (f"{BURSTABLE}/crio-{ID}.scope/container", "cri-o"),
        (
            f"/system.slice/containerd.service/kubepods-burstable-pod{UNDERSCORED}.slice:cri-containerd:{ID}",
            "containerd",
        ),
        (f"/kubepods/burstable/pod{UID}/{ID}", None),
        (f"/kubepods/pod{UID}/crio-{ID}", "cri-o"),
        (f"/machine.slice/libpod-{ID}.scope", "podman"),
        (f"/machine.slice/libpod-{ID}.scope/container", "podman"),
        (f"/machine.slice/machine-libpod_pod_{OTHER}.slice/libpod-{ID}.scope", "podman"),
        (f"/libpod_parent/libpod-{ID}", "podman"),
        (f"/libpod_parent/{OTHER}/libpod-{ID}", "podman"),
        (f"{USER}/user.slice/libpod-{ID}.scope/container", "podman"),
        (f"/system.slice/nerdctl-{ID}.scope", "containerd"),
        (f"/k8s.io/{ID}", "containerd"),
        (f"/my-group/{ID}", None),
        (f"/cri-containerd-{ID}.scope", "containerd"),
    ],
)
def test_the_group_of_a_container_has_its_id(path: str, runtime: str | None) -> None:
    assert containers(path) == (Container(ID, runtime),)


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/system.slice/docker.service",
        f"/machine.slice/libpod-conmon-{ID}.scope",
        f"/system.slice/crio-conmon-{ID}.scope",
        f"/machine.slice/machine-libpod_pod_{ID}.slice",
        f"/libpod_parent/{ID}",
        f"/docker/{ID[:-1]}",
        f"/docker/{ID}0",
        f"/docker/{ID.upper()}",
        f"/system.slice/docker-{ID[:12]}.scope",
        "/libpod_parent/conmon",
    ],
)
def test_what_is_no_container(path: str) -> None:
    assert containers(path) == ()


def test_containers_in_containers_are_told_innermost_first() -> None:
    node = f"/system.slice/docker-{OTHER}.scope/kubelet.slice/kubelet-kubepods.slice"
    path = f"{node}/kubelet-kubepods-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope"

    assert containers(path) == (Container(ID, "containerd"), Container(OTHER, "docker"))
    assert containers(f"/docker/{OTHER}/docker/{ID}") == (Container(ID, "docker"), Container(OTHER, "docker"))
    assert Container(ID, None).short == ID[:12]


@settings(deadline=None)
@given(st.text() | st.lists(st.sampled_from(["docker", ID, f"crio-{ID}", "-", "..", ""])).map("/".join))
def test_any_path_gives_ids_that_are_safe_in_a_file_name(path: str) -> None:
    for container in containers(path):
        assert len(container.id) == 64
        assert set(container.id) <= set("0123456789abcdef")
