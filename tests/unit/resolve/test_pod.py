"""Pod uids of both drivers, names in log folders, and what is taken off a pod's name to find its owner."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.resolve.host import ID, OTHER, POD, STATIC_UID, UID, UNDERSCORED

from tokmeter.resolve.pod import PodNames, of_full_name, of_log_folder, of_log_link, owner, uid


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/kubepods/burstable/pod{UID}/{ID}", UID),
        (f"/kubepods/pod{UID}", UID),
        (f"/k1/kubepods/besteffort/pod{STATIC_UID}/{ID}", STATIC_UID),
        (f"/kubepods.slice/kubepods-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope", UID),
        (
            f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{STATIC_UID}.slice/crio-{ID}.scope",
            STATIC_UID,
        ),
        (f"/a/kubelet-kubepods-burstable-pod{UNDERSCORED}.slice/cri-containerd-{ID}.scope", UID),
        (f"/system.slice/containerd.service/kubepods-burstable-pod{UNDERSCORED}.slice:cri-containerd:{ID}", UID),
        (f"/docker/{OTHER}/kubepods/pod{UID}/{ID}/docker/{ID}", UID),
        (f"/kubepods/pod{STATIC_UID}/{OTHER}/kubepods/pod{UID}/{ID}", UID),
        (f"/docker/{ID}", None),
        ("/kubepods/burstable/podcast", None),
        (f"/machine.slice/machine-libpod_pod_{ID}.slice", None),
    ],
)
def test_the_uid_of_the_innermost_pod(path: str, expected: str | None) -> None:
    assert uid(path) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (POD, "checkout"),
        ("price-api-5d78c9869d-abc12", "price-api-5d78c9869d-abc12"),  # 'a' and '1' are not in Kubernetes' alphabet
        ("price-api-5d78c9869d-x2b47", "price-api"),
        ("node-agent-q8w4z", "node-agent"),
        ("report-28391040-zx9k2", "report"),
        ("report-1596542400-zx9k2", "report"),
        ("db-0", "db"),
        ("db-12", "db"),
        ("kube-apiserver-node-a", "kube-apiserver-node-a"),
        ("web", "web"),
        ("web-https", "web"),  # documented: looks like a suffix
        ("-0", "-0"),
        ("", ""),
    ],
)
def test_the_owner_is_the_name_without_what_controllers_add(name: str, expected: str) -> None:
    assert owner(name) == expected


def test_names_in_the_folders_of_logs() -> None:
    assert of_log_folder(f"shop_{POD}_{UID}") == (UID, PodNames("shop", POD))
    assert of_log_folder(f"kube-system_etcd-a_{STATIC_UID}") == (STATIC_UID, PodNames("kube-system", "etcd-a"))
    assert of_log_link(f"{POD}_shop_app-{ID}.log") == (ID, PodNames("shop", POD, "app"))
    assert of_log_link(f"{POD}_shop_side-car-{ID}.log") == (ID, PodNames("shop", POD, "side-car"))
    for broken in ("", "a_b", f"a_b_c_{UID}", f"Shop_a_{UID}", f"../x_a_{UID}", f"{POD}_shop_app-{ID}.txt"):
        assert of_log_folder(broken) is None
        assert of_log_link(broken) is None


def test_names_that_the_kubelet_gives_to_docker_and_cri_o() -> None:
    assert of_full_name(f"k8s_app_{POD}_shop_{UID}_0") == PodNames("shop", POD, "app")
    assert of_full_name(f"k8s_POD_{POD}_shop_{UID}_12") == PodNames("shop", POD, None)
    assert of_full_name("k8s_app") is None
    assert of_full_name("web") is None


@settings(deadline=None)
@given(st.text())
def test_any_text_has_a_uid_or_none(text: str) -> None:
    of_log_folder(text)
    of_log_link(text)
    of_full_name(text)
    owner(text)
    found = uid(text)

    assert found is None or set(found) <= set("0123456789abcdef-")
