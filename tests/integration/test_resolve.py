"""The kernel's own /proc and control groups, with children that the tests start: nobody else is looked at."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tokmeter import _core
from tokmeter.resolve import Resolver, Roots
from tokmeter.resolve.processes import every, of_cgroup, of_container
from tokmeter.testing import ManualClock

NOBODY = 65534
SECRET = "sk-canary-do-not-keep"
# Says that it runs, waits for a line, and becomes itself again under another name.
PROGRAM = (
    "import os, sys; print('ready', flush=True); os.read(0, 1) or sys.exit(); "
    "os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {'TOKMETER_SERVICE': 'second'})"
)


@contextmanager
def child(
    *command: str, environ: dict[str, str] | None = None, user: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    """A process that has said it is ready, and is gone afterwards."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=(environ or {}) | {"PATH": os.environ["PATH"]},
        user=user,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def waiting() -> tuple[str, ...]:
    return ("sh", "-c", "echo ready; read line", SECRET)


@contextmanager
def group() -> Iterator[tuple[Path, str, str]]:
    """A control group as Docker makes it, in one hierarchy: its folder, its path and its id; removed afterwards."""
    mount = Roots().cgroup
    hierarchies = [mount, mount / "unified", mount / "systemd", mount / "pids"]
    made = f"tokmeter-test-{os.getpid()}"
    identity = uuid.uuid4().hex * 2
    for hierarchy in hierarchies:
        folder = hierarchy / made / f"docker-{identity}.scope"
        if not (hierarchy / "cgroup.procs").exists():
            continue
        try:
            folder.mkdir(parents=True)
        except OSError:
            continue
        try:
            yield folder, f"/{made}/{folder.name}", identity
        finally:
            folder.rmdir()
            folder.parent.rmdir()
        return
    pytest.skip("needs a control group hierarchy that may be written to")


def test_a_child_is_resolved_and_then_gone() -> None:
    resolver = Resolver()
    with child(*waiting(), environ={"TOKMETER_SERVICE": "mine", "OPENAI_API_KEY": SECRET}) as process:
        found = resolver.workload(process.pid)

        assert found is not None
        assert (found.pid, found.parent, found.process) == (process.pid, os.getpid(), "sh")
        assert (found.service, found.uid) == ("mine", os.getuid())
        assert found.start_time > 0
        assert SECRET not in repr(found)
        assert process.pid in every(resolver)

    assert resolver.workload(process.pid) is None


@pytest.mark.usefixtures("root_user")
def test_another_users_child_has_that_users_name() -> None:
    with child(*waiting(), user=NOBODY) as process:
        found = Resolver().workload(process.pid)

    assert found is not None
    assert (found.uid, found.user) == (NOBODY, pwd.getpwuid(NOBODY).pw_name)


@pytest.mark.usefixtures("root_user")
def test_users_of_another_namespace_stay_numbers(tool: Callable[[str], str]) -> None:
    with child(tool("unshare"), "--user", "--map-root-user", *waiting(), user=NOBODY) as process:
        found = Resolver().workload(process.pid)

    assert found is not None
    # root inside, and no name on the host.
    assert (found.uid, found.user) == (NOBODY, str(NOBODY))


def test_another_program_under_the_same_id_is_seen_at_once() -> None:
    resolver = Resolver(now=ManualClock())
    with child(sys.executable, "-c", PROGRAM, environ={"TOKMETER_SERVICE": "first"}) as process:
        before = resolver.workload(process.pid)
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n"
        after = resolver.workload(process.pid)

    assert before is not None
    assert after is not None
    assert (before.service, after.service) == ("first", "second")
    assert (before.start_time, before.process) == (after.start_time, after.process)


@pytest.mark.usefixtures("root_user")
def test_a_child_that_is_moved_into_a_group_is_found_there() -> None:
    resolver = Resolver(now=ManualClock())
    with group() as (folder, path, identity), child(*waiting()) as process:
        before = resolver.workload(process.pid)
        (folder / "cgroup.procs").write_text(str(process.pid))
        after = resolver.workload(process.pid)

        assert before is not None
        assert after is not None
        assert before.container_id != identity
        assert (after.container_id, after.runtime, after.cgroup) == (identity, "docker", path)
        assert of_cgroup(resolver, path) == of_cgroup(resolver, str(folder)) == [process.pid]
        assert of_cgroup(resolver, str(folder.parent)) == [process.pid]
        assert of_container(resolver, identity[:12]) == [process.pid]


def test_every_process_of_this_host_resolves_or_is_gone() -> None:
    """Kernel threads, zombies and whatever runs beside the tests; nothing of it is kept."""
    resolver = Resolver()
    found = [resolver.workload(pid) for pid in every(resolver)]

    assert any(found)
    assert all(each is None or isinstance(each.attribution(), _core.Attribution) for each in found)
