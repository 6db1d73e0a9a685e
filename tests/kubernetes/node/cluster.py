"""A running node: started, asked, and ended with everything that it started."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.node import images, parts, pki
from tests.kubernetes.node.layout import Layout, cache

_ROOT = Path(__file__).parents[3]
_START_S = 120
_CGROUPS = Path("/sys/fs/cgroup")


class NodeError(Exception):
    """The node did not do what it was asked; the text says what it said."""


class Node:
    """One node with its API server. Its name is also that of its control groups, so it is one at a time for each name."""

    def __init__(self, layout: Layout) -> None:
        """The node of that layout, whether it runs already or not."""
        self.layout = layout
        self._outer: subprocess.Popen[bytes] | None = None
        file = layout.work / "first.pid"
        self._first = int(file.read_text()) if file.exists() else 0

    def start(self) -> None:
        """Until pods can be scheduled: four to five seconds. Raises `NodeError` with the logs' place."""
        shutil.rmtree(self.layout.work, ignore_errors=True)
        self.layout.logs.mkdir(parents=True)
        pki.make(self.layout)
        arguments = (self.layout.name, str(self.layout.work), str(self.layout.cache))
        unshare = ("unshare", "--mount", "--propagation", "shared", "--net", "--pid", "--uts", "--ipc", "--fork")
        inside = (sys.executable, "-m", "tests.kubernetes.node.inside", *arguments)
        with (self.layout.logs / "inside.log").open("wb") as log:
            self._outer = subprocess.Popen(
                (*unshare, "--kill-child", "--mount-proc", *inside),
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        children = Path(f"/proc/{self._outer.pid}/task/{self._outer.pid}/children")
        self._until("its first process", lambda: bool(children.read_text().strip()))
        self._first = int(children.read_text())
        (self.layout.work / "first.pid").write_text(str(self._first))
        self._until("its daemons", (self.layout.run / "started").exists)
        self._until("the node to be ready", self._ready)
        self._until("the default account", lambda: self._asks("get", "serviceaccount", "default"))

    def stop(self) -> None:
        """Ends the first process of its namespaces, and with it everything; waits until nothing is left."""
        ends = self._first or (self._outer.pid if self._outer is not None else 0)
        if ends:
            with contextlib.suppress(ProcessLookupError):
                os.kill(ends, signal.SIGKILL)
        if self._outer is not None:
            self._outer.wait(timeout=30)
        (self.layout.work / "first.pid").unlink(missing_ok=True)
        left = [group for group in _CGROUPS.glob(f"*/{self.layout.name}") if group.is_dir()]
        until = time.monotonic() + 10
        while left and time.monotonic() < until:
            for parent in left:
                for group in sorted((g for g in parent.rglob("*") if g.is_dir()), reverse=True):
                    with contextlib.suppress(OSError):
                        group.rmdir()
                with contextlib.suppress(OSError):
                    parent.rmdir()
            left = [group for group in left if group.is_dir()]
            time.sleep(0.05)
        if left:
            raise NodeError(f"control groups are left: {left}")

    def enter(self, *command: str, timeout: float = 60, check: bool = True, input: str | None = None) -> str:  # noqa: A002
        """What a command prints inside of the node's namespaces. Raises `NodeError` if it fails."""
        done = subprocess.run(
            self.entering(*command), capture_output=True, check=False, timeout=timeout, text=True, input=input
        )
        if check and done.returncode != 0:
            raise NodeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout if check else done.stdout + done.stderr

    def entering(self, *command: str) -> tuple[str, ...]:
        """The words that run a command inside of the node's namespaces."""
        target = ("nsenter", "-t", str(self._first), "-m", "-n", "-p", "-u", "-i", "--")
        return (*target, "env", f"PATH={self.layout.path()}", f"KUBECONFIG={self.layout.admin}", *command)

    def follow(self, *command: str) -> subprocess.Popen[str]:
        """A command that runs on inside of the node's namespaces, and what it says."""
        pipe = subprocess.PIPE
        return subprocess.Popen(self.entering(*command), stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)

    def kubectl(self, *words: str, timeout: float = 60, check: bool = True, input: str | None = None) -> str:  # noqa: A002
        """What kubectl prints, as administrator."""
        return self.enter("kubectl", *words, timeout=timeout, check=check, input=input)

    def get(self, *words: str) -> Any:
        """What ``kubectl get`` finds, as JSON."""
        return json.loads(self.kubectl("get", *words, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Creates or changes objects."""
        self.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(objects))

    def load(self, archive: Path) -> None:
        """Gives an image to the runtime."""
        socket = str(self.layout.containerd_socket)
        self.enter("ctr", "-a", socket, "-n", "k8s.io", "images", "import", str(archive), timeout=180)

    def logs(self, *words: str) -> str:
        """What a container said."""
        return self.kubectl("logs", *words)

    def _ready(self) -> bool:
        try:
            node = self.get("node", self.layout.name)
        except NodeError:
            return False
        conditions = {condition["type"]: condition["status"] for condition in node["status"].get("conditions", ())}
        return conditions.get("Ready") == "True" and not node["spec"].get("taints")

    def _asks(self, *words: str) -> bool:
        try:
            self.kubectl(*words)
        except NodeError:
            return False
        return True

    def _until(self, what: str, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + _START_S
        while not holds():
            if self._outer is None or self._outer.poll() is not None or time.monotonic() > until:
                said = (self.layout.logs / "inside.log").read_text(errors="replace")
                raise NodeError(f"waiting for {what}: {said.strip() or 'nothing was said'}; logs in {self.layout.logs}")
            time.sleep(0.1)


@contextlib.contextmanager
def running(work: Path, name: str = "tokmeter-node", archives: Sequence[Path] = ()) -> Iterator[Node]:
    """A node with the images in `archives`, ended afterwards. Its parts must have been brought, see `parts.bring`."""
    layout = Layout(name, work, cache())
    images.pause(layout)
    node = Node(layout)
    try:
        node.start()
        for archive in archives:
            node.load(archive)
        yield node
    finally:
        node.stop()


def absent() -> str | None:
    """What a node needs that is not here; None if one can be started."""
    return parts.missing(Layout("", Path(), cache()))
