"""What a workload is called, and when it is known well enough."""

from dataclasses import replace

import pytest
from tests.unit.resolve.host import ID, POD, UID

from tokmeter import _core
from tokmeter.resolve import Workload
from tokmeter.resolve.unit import Unit

FULL = Workload(
    pid=7,
    start_time=1,
    parent=1,
    process="python3",
    declared_service="declared",
    container_id=ID,
    container="app",
    pod_uid=UID,
    pod=POD,
    namespace="shop",
    unit=Unit("nginx.service"),
)


@pytest.mark.parametrize(
    ("unknown", "service"),
    [
        ((), "declared"),
        (("declared_service",), "checkout"),
        (("declared_service", "pod"), "app"),
        (("declared_service", "pod", "container"), "nginx"),
        (("declared_service", "pod", "container", "unit"), "python3"),
        (("declared_service", "pod", "container", "unit", "process"), None),
    ],
)
def test_the_nearest_name_is_the_service(unknown: tuple[str, ...], service: str | None) -> None:
    workload = replace(FULL, **dict.fromkeys(unknown))  # type: ignore[arg-type] # fields that may all be None

    assert workload.service == service
    assert isinstance(workload.attribution(), _core.Attribution)


def test_a_login_is_no_service() -> None:
    workload = Workload(pid=1, start_time=1, parent=0, process="curl", unit=Unit("session-3.scope"))

    assert workload.service == "curl"


def test_a_container_without_a_name_goes_by_its_id() -> None:
    assert replace(FULL, container=None).container_label == ID[:12]
    assert FULL.container_label == "app"


def test_a_workload_is_complete_when_container_and_pod_are_named() -> None:
    assert FULL.is_complete
    assert Workload(pid=1, start_time=1, parent=0).is_complete
    for missing in ("container", "pod", "namespace"):
        assert not replace(FULL, **{missing: None}).is_complete  # type: ignore[arg-type] # fields that may be None
