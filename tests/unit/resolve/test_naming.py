"""Who is asked for names, and in which order."""

from tests.unit.resolve.host import ID, OTHER, POD, SANDBOX, UID, Host

from tokmeter.resolve.naming import names_of
from tokmeter.resolve.placement import Placement, place
from tokmeter.resolve.pod import PodNames

APP = place([f"/kubepods/pod{UID}/{ID}"])
PAUSE = place([f"/kubepods/pod{UID}/{SANDBOX}"])


def test_the_runtime_is_asked_first(host: Host) -> None:
    host.cri(ID, "app")
    host.logs(pod="stale")

    assert names_of(host.roots, APP) == PodNames("shop", POD, "app")


def test_the_kubelet_fills_in_what_the_runtime_leaves_open(host: Host) -> None:
    host.docker(ID, "app")
    host.logs()

    assert names_of(host.roots, APP) == PodNames("shop", POD, "app")


def test_what_holds_a_pod_together_has_no_container_name(host: Host) -> None:
    host.cri(SANDBOX, None)
    host.logs()

    assert names_of(host.roots, PAUSE) == PodNames("shop", POD, None)


def test_without_a_runtime_the_logs_are_enough(host: Host) -> None:
    host.logs(containers=("app", "sidecar"))
    assert names_of(host.roots, APP) == PodNames("shop", POD, None)
    host.write(f"var/log/containers/{POD}_shop_app-{ID}.log", "")
    assert names_of(host.roots, APP) == PodNames("shop", POD, "app")


def test_a_container_in_a_container_goes_by_the_outer_name(host: Host) -> None:
    host.docker(OTHER, "builder")

    assert names_of(host.roots, place([f"/docker/{OTHER}/docker/{ID}"])) == PodNames(container="builder")
    host.docker(ID, "inner")
    host.cri(OTHER, "app")
    assert names_of(host.roots, place([f"/kubepods/pod{UID}/{OTHER}/docker/{ID}"])) == PodNames("shop", POD, "inner")
    assert names_of(host.roots, Placement()) == PodNames()
