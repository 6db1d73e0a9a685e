"""A tracer in a process namespace of its own, as on a node that is itself a container: ids are that namespace's everywhere."""

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.integration.applications import python_program
from tests.integration.namespaces import TwoMachines
from tests.privileged.traced import (
    LIMIT_S,
    TOKMETER,
    Tracer,
    ended,
    library,
    own_copy,
    require_bpf,
    require_loader,
    trusting,
)
from tokmeter.testing import ThreadedSimulator

# A worker that was forked and runs no other program, as servers have them.
PROGRAM = """
import http.client, json, os, sys
print("here", flush=True)
os.read(0, 3)
worker = os.fork()
if worker == 0:
    print(os.getppid(), os.getpid(), flush=True)
    os.read(0, 3)
    connection = http.client.HTTPSConnection("api.openai.com")
    question = {"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}
    connection.request("POST", "/v1/chat/completions", json.dumps(question), {"content-type": "application/json"})
    connection.getresponse().read()
    os._exit(0)
os.waitpid(worker, 0)
"""


@pytest.fixture
def node(machines: TwoMachines, tmp_path: Path) -> Iterator[Sequence[str]]:
    """What to put before a command for it to run in a process namespace below the machine's, beside nobody."""
    own_copy(machines.applications, library("libssl.so.3"), tmp_path)
    command = (*machines.applications.inside, "unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")
    with subprocess.Popen([*command, "sh", "-c", "echo here; exec cat"], stdin=-1, stdout=-1, text=True) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "here\n"
        children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
        yield ("nsenter", f"--target={children[0]}", "--pid", "--mount", "--")
        first.communicate()


@contextlib.contextmanager
def application(inside: Sequence[str], environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The program, which waits to be told."""
    command = [*inside, python_program("openai_calls.py")[0], "-c", PROGRAM]
    with subprocess.Popen(command, env=environ, stdin=-1, stdout=-1, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "here\n"
        yield started


def forked(program: subprocess.Popen[str]) -> list[int]:
    """Lets it make its worker; its id and that of its worker, as they see them."""
    assert program.stdin is not None
    assert program.stdout is not None
    program.stdin.write("go\n")
    program.stdin.flush()
    return [int(word) for word in program.stdout.readline().split()]


@pytest.mark.timeout(120)
@pytest.mark.parametrize("selection", ["everybody", "one"])
def test_its_own_ids_are_told_and_nobody_outside_is_seen(
    machines: TwoMachines, provider: ThreadedSimulator, node: Sequence[str], tmp_path: Path, selection: str
) -> None:
    environ = trusting(tmp_path, provider.ca_path)
    in_network = (*machines.applications.inside,)
    with (
        application((*in_network, *node), environ) as chosen,
        # In the same library, and not in the namespace.
        application(in_network, environ) as neighbour,
    ):
        # Nothing else is in there, so whoever has that id is the program.
        listed = subprocess.run(
            [*node, "pgrep", "-f", "os.fork"], capture_output=True, text=True, check=True, timeout=10
        )
        words = ("--all",) if selection == "everybody" else ("--pid", listed.stdout.split()[0])
        tracer = Tracer(tmp_path, inside=node)
        with tracer.watching(*words) as watch:
            forked(neighbour)
            neighbour.communicate("go\n", timeout=LIMIT_S)
            before = tracer.counters()["processes"]
            _, worker = forked(chosen)
            tracer.until("processes", more_than=before)
            chosen.communicate("go\n", timeout=LIMIT_S)
            events, said = ended(watch)

    assert [event["pid"] for event in events] == [worker], said
    assert len(provider.requests) == 2
    assert events[0]["usage"]["output_tokens"] == provider.requests[1].output_tokens


@pytest.mark.timeout(60)
def test_bcc_says_that_it_does_not_know_them() -> None:
    require_bpf()
    require_loader("bcc")
    inside = ("unshare", "--pid", "--mount", "--fork", "--kill-child", "--mount-proc")

    command = (*inside, *TOKMETER, "watch", "--pid", "1", "--loader", "bcc")
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)

    assert ended.returncode != 0
    assert "process namespace of its own" in ended.stderr
    assert "--loader core" in ended.stderr
