"""Which of several hierarchies is believed."""

from tests.unit.resolve.host import ID, OTHER, UID, hybrid, v1, v2

from tokmeter.resolve.cgroup import paths
from tokmeter.resolve.container import Container
from tokmeter.resolve.placement import Placement, place
from tokmeter.resolve.unit import Unit


def placed(text: str) -> Placement:
    return place(paths(text.encode()))


def test_a_container_of_v1_wins_over_the_service_of_v2() -> None:
    assert placed(hybrid(f"/docker/{ID}")) == Placement(f"/docker/{ID}", (Container(ID, "docker"),))


def test_the_deepest_path_wins() -> None:
    inner = f"/docker/{OTHER}/docker/{ID}"

    assert placed(f"1:cpu:/docker/{OTHER}\n2:pids:{inner}\n").cgroup == inner


def test_a_pod_is_found_whichever_hierarchy_has_it() -> None:
    split = f"1:cpu:/{ID}\n2:pids:/kubepods/pod{UID}\n"

    assert placed(split) == Placement(f"/{ID}", (Container(ID, None),), UID)
    assert placed(v1(f"/kubepods/pod{UID}")).pod_uid == UID


def test_units_and_nothing() -> None:
    assert placed(v2("/system.slice/a.service")) == Placement("/system.slice/a.service", (), None, Unit("a.service"))
    assert placed(hybrid("/", "/system.slice/a.service")).unit == Unit("a.service")
    assert placed(v2("/")) == Placement("/")
    assert placed("") == Placement()
