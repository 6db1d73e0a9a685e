"""Two machines in one: network namespaces, one for applications and their proxy, one for the provider, a cable between them.

Owns namespaces, addresses, the hosts file and the redirect. All of it hangs on two processes that end with the test: nothing
is named, mounted or written outside of them. Knows nothing of tokmeter but its command that redirects.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

PROXY_UID = 7717
TOOLS = ("ip", "nft", "nsenter", "setpriv", "unshare")
NAMES = ("api.openai.com", "api.anthropic.com", "other.test")
PROVIDER = {"ipv4": "10.77.17.1", "ipv6": "fd77:17::1"}
APPLICATION = {"ipv4": "10.77.17.2", "ipv6": "fd77:17::2"}

# The proxy reads its interpreter wherever that is installed, and may do nothing else that its user may not.
AS_PROXY = (
    "setpriv",
    f"--reuid={PROXY_UID}",
    f"--regid={PROXY_UID}",
    "--clear-groups",
    "--inh-caps=-all,+dac_read_search",
    "--ambient-caps=-all,+dac_read_search",
)


class Namespace:
    """A network and mount namespace, alive as long as this object is."""

    def __init__(self) -> None:
        command = ["unshare", "--net", "--mount", "--propagation=private", "sh", "-c", "echo here; exec cat"]
        # It ends when its standard input does: with us, however we end.
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if self._process.stdout is None or not self._process.stdout.readline():
            said = self._process.communicate()[1].decode().strip()
            pytest.skip(f"needs network namespaces: {said}")
        self.pid = self._process.pid
        self.run("ip", "link", "set", "lo", "up")

    @property
    def inside(self) -> tuple[str, ...]:
        """What to put before a command for it to run in here."""
        return ("nsenter", f"--target={self.pid}", "--net", "--mount", "--")

    def run(self, *command: str, given: str | None = None) -> None:
        """Runs a command in here; fails with what it said."""
        ended = subprocess.run(
            [*self.inside, *command], input=given, capture_output=True, text=True, timeout=60, check=False
        )
        if ended.returncode:
            raise AssertionError(f"{' '.join(command)}: {ended.stderr.strip()}")

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """This thread, and the threads that it starts, have their sockets in here."""
        with Path("/proc/self/ns/net").open() as home, Path(f"/proc/{self.pid}/ns/net").open() as here:
            os.setns(here.fileno(), os.CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(home.fileno(), os.CLONE_NEWNET)

    def close(self) -> None:
        """Ends it, with everything in it."""
        self._process.communicate()


class TwoMachines(AbstractContextManager["TwoMachines"]):
    """Where applications run, and where the provider is, with both address families."""

    def __init__(self, folder: Path) -> None:
        self.applications = Namespace()
        self.provider = Namespace()
        self._hosts = folder / "hosts"
        self._hosts.touch()

    def __enter__(self) -> Self:
        near, far = self.applications, self.provider
        cable = ("ip", "link", "add", "app0", "netns", str(near.pid), "type", "veth")
        near.run(*cable, "peer", "name", "api0", "netns", str(far.pid))
        for machine, device, addresses in ((near, "app0", APPLICATION), (far, "api0", PROVIDER)):
            machine.run("ip", "address", "add", f"{addresses['ipv4']}/24", "dev", device)
            # Without the wait for duplicates, which would come after the first connection.
            machine.run("ip", "-6", "address", "add", f"{addresses['ipv6']}/64", "dev", device, "nodad")
            machine.run("ip", "link", "set", device, "up")
        near.run("mount", "--bind", str(self._hosts), "/etc/hosts")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.applications.close()
        self.provider.close()

    def resolve(self, family: str) -> None:
        """From now on, the provider's names have addresses of that family only."""
        self._hosts.write_text(f"{PROVIDER[family]} {' '.join(NAMES)}\n127.0.0.1 localhost\n")

    def redirect_to(self, port: int) -> None:
        """Sends the applications' traffic to the proxy."""
        self.applications.run(sys.executable, "-m", "tokmeter", "redirect", f"--to={port}", f"--uid={PROXY_UID}")


def require_namespaces() -> None:
    """Skips where namespaces cannot be made."""
    if os.geteuid() != 0:
        pytest.skip("needs root: makes network namespaces and redirects in them")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)} (apt packages iproute2, nftables and util-linux)")
