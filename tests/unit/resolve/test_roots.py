"""The places on the host, and the same places where a pod mounts it."""

from dataclasses import fields
from pathlib import Path

from tokmeter.resolve import Roots


def test_a_mounted_host_has_every_place_below_its_root() -> None:
    here, mounted = Roots(), Roots.below(Path("/host"))

    for field in fields(Roots):
        assert getattr(mounted, field.name) == Path(f"/host{getattr(here, field.name)}")
    assert Roots.below(Path("/")) == here
    assert mounted.process(7) == Path("/host/proc/7")
