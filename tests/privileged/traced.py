"""Applications traced by `tokmeter watch`: started when the tracer is ready, in a network of their own with the provider.

Owns the order of things. The tracer is told the one process that the test started; the application is what that process becomes.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.integration.applications import base_environment, printed
from tests.integration.namespaces import Namespace
from tokmeter.variables import ADDED_CERTIFICATE_VARIABLES, BUNDLE_VARIABLES

TOKMETER = (sys.executable, "-m", "tokmeter")
LIMIT_S = 60
POLL_S = 0.05
WAITING = ("sh", "-c", 'echo here; read go; exec "$@"', "sh")
"""Says that it is where it is to be, and becomes its arguments when it is told."""


@dataclass
class Outcome:
    """What a traced application printed, and what the tracer told of it."""

    lines: list[dict[str, Any]]
    events: list[dict[str, Any]]
    said: str
    """What the tracer wrote to stderr."""


@dataclass
class Tracer:
    """`tokmeter watch` in a process of its own."""

    folder: Path
    loader: str = "core"
    config: Path | None = None
    inside: Sequence[str] = ()
    """What to put before its command."""
    metrics: str = ""
    """Where the one that runs serves metrics."""

    def counters(self) -> dict[str, int]:
        """What it counted last, at most a second ago."""
        with build_opener(ProxyHandler({})).open(f"{self.metrics}/healthz", timeout=10) as answer:
            counters: dict[str, int] = json.load(answer)["tracer"]
        return counters

    def files(self) -> int:
        """How many files are attached to."""
        return self.counters()["files"]

    def until_attached(self, more_than: int) -> None:
        """Waits until more files are attached to."""
        self.until("files", more_than)

    def until(self, counter: str, more_than: int) -> None:
        """Waits until something that it counts is more."""
        until = time.monotonic() + LIMIT_S
        while self.counters()[counter] <= more_than:
            assert time.monotonic() < until, "the tracer does not see the program"
            time.sleep(POLL_S)

    @contextlib.contextmanager
    def watching(self, *selection: str) -> Iterator[subprocess.Popen[str]]:
        """Runs while the context lasts; everything is attached when it begins."""
        config = () if self.config is None else ("--config", str(self.config))
        options = ("--json", "--metrics", "127.0.0.1:0", "--loader", self.loader, *config)
        command = [*self.inside, *TOKMETER, "watch", *selection, *options]
        environ = {**base_environment(self.folder), "XDG_STATE_HOME": str(self.folder / "state")}
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            told = process.stderr.readline() if process.stderr else ""
            while told and "metrics on" not in told:
                told = process.stderr.readline() if process.stderr else ""
            if not told:
                raise AssertionError(f"tokmeter watch did not start: {process.communicate(timeout=LIMIT_S)}")
            self.metrics = told.split()[-1].removesuffix("/metrics")
            yield process
        finally:
            if process.poll() is None and process.returncode is None:
                process.kill()
            process.communicate()

    def run(
        self,
        command: Sequence[str],
        environ: dict[str, str],
        inside: Sequence[str] = (),
        group: Path | None = None,
        plan: tuple[Path, str] | None = None,
        *,
        covered: bool = True,
    ) -> Outcome:
        """An application to its end, traced from its first instruction on: by its id, or by the group it is put into.

        It is given `plan`, through a pipe in the file system, when the tracer has seen what it has become. With `covered`,
        nothing of it may be listed as unmetered.
        """
        with subprocess.Popen(
            [*inside, *WAITING, *command],
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as application:
            try:
                arrived(application)
                if group is not None:
                    (group / "cgroup.procs").write_text(str(application.pid))
                chosen = ("--pid", str(application.pid)) if group is None else ("--cgroup", str(group))
                with self.watching(*chosen) as watch:
                    before = self.files()
                    if application.stdin is not None:
                        application.stdin.write("go\n")
                        application.stdin.flush()
                    if plan is not None:
                        self.until_attached(before)
                        plan[0].write_text(plan[1])
                    output, said = application.communicate(timeout=LIMIT_S)
                    if application.returncode:
                        raise AssertionError(f"{command[0]} ended with {application.returncode}:\n{output}\n{said}")
                    events, told = ended(watch)
                    assert not covered or "unmetered" not in told, told
            finally:
                application.kill()
        return Outcome(printed(output), events, told)


def arrived(application: subprocess.Popen[str]) -> None:
    """Waits until a waiting process has entered the namespaces that it is started in."""
    line = application.stdout.readline() if application.stdout else ""
    assert line == "here\n", "it did not start"


def ended(watch: subprocess.Popen[str]) -> tuple[list[dict[str, Any]], str]:
    """Ends a tracer as an operator would; what it told."""
    # What enters a process namespace has the tracer as its child, and no ear for signals.
    children = Path(f"/proc/{watch.pid}/task/{watch.pid}/children").read_text().split()
    os.kill(int(children[0]) if children else watch.pid, signal.SIGTERM)
    output, said = watch.communicate(timeout=LIMIT_S)
    assert watch.returncode == 0, said
    return [json.loads(line) for line in output.splitlines()], said


def own_copy(machine: Namespace, file: Path, folder: Path) -> None:
    """From now on, who opens the file in there opens a copy: probes in it are met by nobody else."""
    copy = folder / file.name
    shutil.copy2(file, copy)
    machine.run("mount", "--bind", str(copy), str(file))


def library(name: str) -> Path:
    """Where the machine has a library; skips where it has not."""
    found = sorted(Path("/usr/lib").glob(f"*-linux-gnu/{name}"))
    if not found:
        pytest.skip(f"needs {name}")
    return found[0].resolve()


def trusting(folder: Path, ca: Path) -> dict[str, str]:
    """The environment of an application that trusts the provider."""
    names = (*BUNDLE_VARIABLES, *ADDED_CERTIFICATE_VARIABLES)
    return {**base_environment(folder), **dict.fromkeys(names, str(ca))}


def require_bpf() -> None:
    """Skips where the tracer cannot work."""
    if os.geteuid() != 0:
        pytest.skip("needs root: loads programs into the kernel")
    if not Path("/sys/kernel/btf/vmlinux").exists():
        pytest.skip("needs a kernel with BTF (CONFIG_DEBUG_INFO_BTF)")


def require_loader(loader: str) -> None:
    """Skips where a loader cannot work."""
    if loader == "bcc" and not Path("/usr/lib/python3/dist-packages/bcc").is_dir():
        pytest.skip("needs the distribution's BCC (apt package python3-bpfcc)")
