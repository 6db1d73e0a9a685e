"""One `tokmeter proxy` as a process: how it is started, when it is ready, what of it is resident. Knows no load."""

import os
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
PATIENCE_S = 60.0
POLL_S = 0.005
PEAK = "5"
"""Written to `clear_refs`, it makes the peak begin anew."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A proxy that is ready."""

    process: int
    port: int
    metrics: int
    trust: Path
    ready_s: float
    """From its start until `/readyz` said so."""
    ready_cpu_s: float
    """What all its threads computed until then."""

    def memory_mb(self) -> dict[str, float]:
        """What is resident, of which kind, and the most there was since `forget_peak`."""
        lines = Path(f"/proc/{self.process}/status").read_text().splitlines()
        kept = {"VmRSS": "resident", "RssAnon": "anonymous", "RssFile": "of files", "VmHWM": "peak"}
        found = {kept[line.partition(":")[0]]: line.split()[1] for line in lines if line.partition(":")[0] in kept}
        return {name: int(kilobytes) / 1024 for name, kilobytes in found.items()}

    def forget_peak(self) -> None:
        """The peak is what is resident now."""
        Path(f"/proc/{self.process}/clear_refs").write_text(PEAK)


@contextmanager
def sidecar(python: Path, folder: Path, configuration: str, variables: Mapping[str, str]) -> Iterator[Sidecar]:
    """`tokmeter proxy` of the environment of `python`, from an empty folder, until the block ends."""
    folder.mkdir(parents=True)
    (folder / "tokmeter.yaml").write_text(configuration.replace("FOLDER", str(folder)))
    port, metrics = free_port(), free_port()
    command = [str(python), "-m", "tokmeter", "proxy", "--config", str(folder / "tokmeter.yaml")]
    command += ["--listen", f"127.0.0.1:{port}", "--metrics", f"127.0.0.1:{metrics}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "TOKMETER"))}
    environment |= {"XDG_STATE_HOME": str(folder), "HOME": str(folder), **variables}
    with (folder / "log").open("w") as log:
        began = monotonic()
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{metrics}/readyz", folder / "log")
            ready_s = monotonic() - began
            yield Sidecar(process.pid, port, metrics, folder / "trust", ready_s, _cpu_s(process.pid))
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    pause, opener = threading.Event(), build_opener(ProxyHandler({}))
    until = monotonic() + PATIENCE_S
    while monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"it ended: {log.read_text()}")
        try:
            opener.open(url, timeout=PATIENCE_S).close()
        except URLError:
            pause.wait(POLL_S)
        else:
            return
    raise TimeoutError(url)


def _cpu_s(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S
