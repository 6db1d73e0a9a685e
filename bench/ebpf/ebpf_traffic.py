"""The traffic program: compiled, started as a child of this process, and told what to do."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ebpf_payloads import Stream

HERE = Path(__file__).resolve().parent
BUILT = HERE.parents[1] / ".cache" / "bench-ebpf"
END_S = 10.0


@dataclass(frozen=True, slots=True)
class Ran:
    """How long something took, and the client's TLS calls in that time."""

    ns: int
    cpu_ns: int
    calls: int


class Traffic:
    """A running client, traced or not, and its server."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        """Files go into `folder`."""
        self._process = process
        self._folder = folder
        self.pid = process.pid

    def open(self) -> None:
        """A new connection: the tracer decides about each once."""
        self._tell("open")

    def exchange(self, count: int, request: bytes, reply: bytes) -> Ran:
        """One after the other on the connection."""
        return self._tell(f"exchange {count} {self._file('request', request)} {self._file('reply', reply)}")

    def stream(self, count: int, interval_ns: int, parts: Stream) -> Ran:
        """One exchange whose reply has `count` events."""
        named = {"request": parts.request, "head": parts.head, "event": parts.event, "tail": parts.tail}
        files = " ".join(str(self._file(name, data)) for name, data in named.items())
        return self._tell(f"stream {count} {interval_ns} {files}")

    def end(self) -> None:
        """Both processes."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(timeout=END_S)

    def _file(self, name: str, data: bytes) -> Path:
        file = self._folder / name
        file.write_bytes(data)
        return file

    def _tell(self, line: str) -> Ran:
        if self._process.stdin is None or self._process.stdout is None:
            raise ValueError("the traffic program has no pipes")
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the traffic program has ended at {line.split(maxsplit=1)[0]}")
        ns, cpu_ns, calls = map(int, answer.split())
        return Ran(ns, cpu_ns, calls)


def compiler() -> str | None:
    """The C compiler's name, None without one."""
    return shutil.which("cc")


def build() -> None:
    """Compile it."""
    BUILT.mkdir(parents=True, exist_ok=True)
    command = [compiler() or "cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(BUILT / "traffic")]
    subprocess.run([*command, str(HERE / "traffic.c"), "-lssl", "-lcrypto"], check=True)
    linked = subprocess.run(["ldd", str(BUILT / "traffic")], stdout=subprocess.PIPE, text=True, check=True).stdout
    found = next(line.split()[2] for line in linked.splitlines() if "libssl" in line)
    # A copy that nobody else uses: others may trace the machine's, and two tracers of one function get in each other's way.
    shutil.copyfile(found, BUILT / Path(found).name)


@contextmanager
def traffic(folder: Path) -> Iterator[Traffic]:
    """Run it while the context lasts. `build` was called before."""
    environment = {"LD_LIBRARY_PATH": str(BUILT)}
    command = [BUILT / "traffic"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        running = Traffic(process, folder)
        running.open()
        yield running
        running.end()
    finally:
        process.kill()
        process.wait()
