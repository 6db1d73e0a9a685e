"""The names in the files of containerd, K3s, CRI-O, Docker and Podman."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.resolve.host import ID, OTHER, POD, SANDBOX, UID, Host

from tokmeter.resolve.pod import PodNames
from tokmeter.resolve.runtime_state import lookup, of_docker, of_spec, of_store

ALL = PodNames("shop", POD, "app")
LABELS = {
    "io.kubernetes.container.name": "app",
    "io.kubernetes.pod.name": POD,
    "io.kubernetes.pod.namespace": "shop",
}


def test_containerd_names_container_and_sandbox(host: Host) -> None:
    host.cri(ID, "app")
    host.cri(SANDBOX, None)

    assert lookup(host.roots, ID) == ALL
    assert lookup(host.roots, SANDBOX) == PodNames("shop", POD, None)
    assert lookup(host.roots, OTHER) == PodNames()


def test_k3s_keeps_them_elsewhere(host: Host) -> None:
    host.bundle(ID, LABELS, task="k3s/containerd")

    assert lookup(host.roots, ID) == ALL


def test_cri_o_annotates_its_bundle_and_names_its_store(host: Host) -> None:
    annotations = {"io.kubernetes.cri-o.KubeName": POD, "io.kubernetes.cri-o.Namespace": "shop"}
    spec = {"annotations": annotations | {"io.kubernetes.container.name": "app"}}
    host.write(f"run/containers/storage/overlay-containers/{ID}/userdata/config.json", json.dumps(spec))
    host.stored({OTHER: f"k8s_app_{POD}_shop_{UID}_0"})

    assert lookup(host.roots, ID) == ALL
    assert lookup(host.roots, OTHER) == ALL


def test_docker_names_its_own_and_those_of_pods(host: Host) -> None:
    host.docker(ID, "price-bot")
    host.docker(OTHER, f"k8s_app_{POD}_shop_{UID}_0", LABELS)
    host.docker(SANDBOX, "anything", LABELS)

    assert lookup(host.roots, ID) == PodNames(container="price-bot")
    assert lookup(host.roots, OTHER) == ALL
    assert lookup(host.roots, SANDBOX) == ALL


def test_podman_lists_its_containers(host: Host) -> None:
    # As Podman 4.3 writes it: the bundle is there too, and names nothing.
    host.write(f"run/containers/storage/overlay-containers/{ID}/userdata/config.json", '{"annotations": {"a": "b"}}')
    host.stored({OTHER: "other", ID: "price-bot"})
    host.stored({SANDBOX: "short-lived"}, "volatile-containers.json")

    assert lookup(host.roots, ID) == PodNames(container="price-bot")
    assert lookup(host.roots, SANDBOX) == PodNames(container="short-lived")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"{}",
        b"[]",
        b"\xff",
        b'{"annotations": null, "Name": null, "Config": null}',
        b'{"annotations": 1, "Name": 1}',
        b'{"annotations": {"io.kubernetes.cri.container-name": 1}}',
        b'{"annotations": {"io.kubernetes.cri.container-name": "\\n"}, "Name": "/"}',
        b'{"annotations": {"io.kubernetes.cri.container-name": "app"}',
        b"[" * 100_000,
        b'{"x":' * 100_000,
        json.dumps([{"id": ID, "names": None}, {"id": ID, "names": []}]).encode(),
        json.dumps([{"names": ["a"]}]).encode(),
    ],
)
def test_odd_files_name_nothing(data: bytes) -> None:
    assert of_spec(data) == of_docker(data) == of_store(data, ID) == PodNames()


def test_names_are_made_printable() -> None:
    spec = {"annotations": {"io.kubernetes.cri.container-name": "a\u0000b\ud800"}}

    assert of_spec(json.dumps(spec).encode()).container in {None, "ab"}


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["annotations", "Name", "Config", "Labels", "id", "names", "io.kubernetes.pod.name", "nerdctl/name"]
                ),
                inner,
            )
        ),
    )
)
def test_any_document_gives_names_or_none(document: object) -> None:
    data = json.dumps(document).encode()

    for found in (of_spec(data), of_docker(data), of_store(data, ID)):
        for name in (found.container, found.pod, found.namespace):
            assert name is None or (name and name.isprintable())
