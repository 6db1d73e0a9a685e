"""The names of pods from logs, and from the kubelet's own folders where logs are not seen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.resolve.host import ID, OTHER, POD, STATIC_UID, UID, Host

from tokmeter.resolve.kubelet import by_container, by_pod, host_name
from tokmeter.resolve.pod import PodNames

HOSTS = (
    "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
)


def test_logs_name_container_and_pod(host: Host) -> None:
    host.write(f"var/log/containers/{POD}_shop_app-{ID}.log", "")
    host.logs()
    host.logs(pod="etcd-a", namespace="kube-system", uid=STATIC_UID, containers=("etcd", "helper"))

    assert by_container(host.roots, ID) == PodNames("shop", POD, "app")
    assert by_container(host.roots, OTHER) is None
    assert by_pod(host.roots, UID) == PodNames("shop", POD, "app")
    # Two containers: which of them is not known.
    assert by_pod(host.roots, STATIC_UID) == PodNames("kube-system", "etcd-a", None)


def test_the_kubelets_folder_names_a_pod_whose_logs_are_not_mounted(host: Host) -> None:
    folder = f"var/lib/kubelet/pods/{UID}"
    host.write(f"{folder}/etc-hosts", HOSTS + f"10.244.0.5\t{POD}\n")
    host.write(f"{folder}/volumes/kubernetes.io~projected/kube-api-access-abcde/namespace", "shop")
    host.write(f"{folder}/volumes/kubernetes.io~projected/a-first/namespace", "wrong")
    host.write(f"{folder}/containers/app/1f2e3d4c", "")

    assert by_pod(host.roots, UID) == PodNames("shop", POD, "app")


def test_nothing_is_known_of_a_pod_without_files(host: Host) -> None:
    assert by_pod(host.roots, UID) == PodNames()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HOSTS + "10.244.0.5\tweb-0\n", "web-0"),
        (HOSTS + "10.244.0.5\tweb-0.db.shop.svc.cluster.local\tweb-0\nfd00::5\tweb-0.db.x\tweb-0\n", "web-0"),
        (HOSTS + "10.244.0.5\tweb-0\n\n# Entries added by HostAliases.\n10.1.2.3\tother\n", "web-0"),
        (HOSTS, None),
        ("# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n10.0.0.1 node-a\n", None),
        ("10.0.0.1 x\n", None),
        ("", None),
    ],
)
def test_the_host_name_of_a_pod(text: str, expected: str | None) -> None:
    assert host_name(text.encode()) == expected


@settings(deadline=None)
@given(st.binary())
def test_any_hosts_file_gives_a_printable_name_or_none(data: bytes) -> None:
    found = host_name(HOSTS.encode() + data)

    assert found is None or found.isprintable()
