"""Which source names the workload, and what a broken one does."""

import pytest

from tokmeter.attribution import NAME_CHARS_MAX, SOURCES, names

OTEL = {"OTEL_RESOURCE_ATTRIBUTES": "service.name=otel%20resource,k8s.pod.name=p-otel,k8s.namespace.name=n-otel"}


@pytest.mark.parametrize(
    ("configured", "environ", "expected"),
    [
        (None, {}, None),
        (None, OTEL, "otel resource"),
        (None, OTEL | {"OTEL_SERVICE_NAME": "otel"}, "otel"),
        (None, OTEL | {"OTEL_SERVICE_NAME": "otel", "TOKMETER_SERVICE": "ours"}, "ours"),
        ("file", OTEL | {"OTEL_SERVICE_NAME": "otel", "TOKMETER_SERVICE": "ours"}, "file"),
        (None, {"TOKMETER_SERVICE": " ", "OTEL_SERVICE_NAME": "otel"}, "otel"),
    ],
)
def test_the_nearest_source_names_the_service(
    configured: str | None, environ: dict[str, str], expected: str | None
) -> None:
    assert names(configured, environ)["service"] == expected


def test_the_downward_api_wins_over_resource_attributes() -> None:
    environ = OTEL | {"POD_NAME": "p", "POD_NAMESPACE": "n", "CONTAINER_NAME": "c"}

    found = names(None, environ)

    assert (found["pod"], found["namespace"], found["container"]) == ("p", "n", "c")
    assert names(None, OTEL)["pod"] == "p-otel"


def test_the_host_name_is_the_pod_only_inside_a_cluster() -> None:
    assert names(None, {"HOSTNAME": "laptop"})["pod"] is None
    assert names(None, {"HOSTNAME": "web-0", "KUBERNETES_SERVICE_HOST": "10.0.0.1"})["pod"] == "web-0"
    inside = {"HOSTNAME": "node-7", "KUBERNETES_SERVICE_HOST": "10.0.0.1", "POD_NAME": "web-0"}
    assert names(None, inside)["pod"] == "web-0"


def test_names_become_labels_so_they_are_bounded_and_printable() -> None:
    found = names(None, {"TOKMETER_SERVICE": "a\nb\x00" + "c" * 1000})["service"]

    assert found == "ab" + "c" * (NAME_CHARS_MAX - 2)


@pytest.mark.parametrize("text", ["", ",", "=", "a", "a=b=c,,service.name", "%zz=%", "service.name=," * 1000])
def test_broken_resource_attributes_name_nothing(text: str) -> None:
    assert names(None, {"OTEL_RESOURCE_ATTRIBUTES": text}) == dict.fromkeys(SOURCES)
