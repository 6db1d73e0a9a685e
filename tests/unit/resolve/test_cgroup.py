"""Every layout of /proc/PID/cgroup, as seen from the host and from inside a namespace."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.resolve.host import ID, hybrid, v1, v2

from tokmeter.resolve import cgroup


@pytest.mark.parametrize(
    ("text", "version", "paths"),
    [
        (v2("/system.slice/nginx.service"), "v2", ("/system.slice/nginx.service",)),
        (v1(f"/docker/{ID}"), "v1", (f"/docker/{ID}",)),
        (hybrid(f"/docker/{ID}"), "hybrid", ("/system.slice/containerd.service", f"/docker/{ID}")),
        ("3:cpu:/\n2:memory:/a\n1:name=systemd:/b\n0::/\n", "hybrid", ("/b", "/a", "/")),
        (v2("/"), "v2", ("/",)),
        (v2("/../../system.slice/a.service"), "v2", ("/system.slice/a.service",)),
        (v2(f"/../{ID}"), "v2", (f"/{ID}",)),
        (v2("/system.slice/a.service (deleted)"), "v2", ("/system.slice/a.service",)),
        (v2("/odd:name/x"), "v2", ("/odd:name/x",)),
        ("", None, ()),
        ("nonsense\n1:\n:::\nx::/a\n0::relative\n", None, ()),
    ],
)
def test_the_path_that_says_most_comes_first(text: str, version: str | None, paths: tuple[str, ...]) -> None:
    assert cgroup.version(text.encode()) == version
    assert cgroup.paths(text.encode()) == paths


def test_lines_are_bounded() -> None:
    many = "".join(f"{n}:c{n}:/{n}\n" for n in range(10 * cgroup.LINES_MAX))

    assert len(cgroup.paths(many.encode())) == cgroup.LINES_MAX


@settings(deadline=None)
@given(st.binary() | st.text("0123456789:/.\n").map(str.encode))
def test_any_bytes_give_clean_paths(data: bytes) -> None:
    for path in cgroup.paths(data):
        assert path.startswith("/")
        assert not {"", ".", ".."} & set(cgroup.segments(path))
