"""What a request costs through tokmeter, through stock mitmdump with an empty tap, and directly.

One interleaved run on the loopback interface: in every round each contender serves the same loads, in shuffled order.
CPU time is the proxy process's own. Every reply is hashed by the client, and at the end the meter must have counted
exactly the tokens that were served: other bytes or other counts fail the run.

    python bench/proxy/run.py [--rounds 5] [--python PATH] [--out bench/proxy/runs/NAME]
"""

import argparse
import json
import platform
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from figures import Row, check_replies, table, targets

HERE = Path(__file__).resolve().parent
RELEASED = HERE.parents[1] / ".cache" / "wheel-smoke" / "bin" / "python"
LOADS = {
    "unary": ["-c", "16", "-n", "3000"],
    "stream": ["-c", "16", "-n", "64", "-sse", "-events", "400", "-interval-us", "5000"],
    "paced": ["-c", "64", "-n", "300", "-rate", "40"],
}
INPUT_TOKENS, OUTPUT_TOKENS = 300, 100
"""What the upstream states as the usage of each reply."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to the upstream: the port to call and the process to watch."""

    name: str
    port: int
    pid: int


@contextmanager
def process(command: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """Run `command` until the block ends."""
    with subprocess.Popen(command, text=True, **options) as child:  # type: ignore[call-overload] # passed on unseen
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_for(port: int, child: subprocess.Popen[str], log: Path) -> None:
    """Return when `port` accepts connections."""
    for _ in range(600):
        if child.poll() is not None:
            sys.exit(f"{child.args!r} ended with {child.returncode}: {log.read_text()}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"nothing listens on port {port}")


class Bench:
    """The upstream, the contenders and the load program, while they run."""

    def __init__(self, stack: ExitStack, python: Path, scratch: Path) -> None:
        """Start all of them with the programs beside `python`."""
        self._bin, self._scratch = python.parent, scratch
        self._load = scratch / "load"
        subprocess.run(["go", "build", "-o", str(self._load), "."], cwd=HERE / "load", check=True)
        upstream = stack.enter_context(process([str(self._load), "upstream"], stdout=subprocess.PIPE))
        if upstream.stdout is None:
            sys.exit("the upstream has no output")
        self._upstream = int(upstream.stdout.readline())
        self.metrics = free_port()
        self.contenders = [Contender("direct", self._upstream, 0)]
        commands: dict[str, Callable[[int], list[str]]] = {
            "stock": self._stock,
            "unmetered": lambda port: self._own(port, "unmetered", free_port(), metered=False),
            "tokmeter": lambda port: self._own(port, "tokmeter", self.metrics, metered=True),
        }
        for name, command in commands.items():
            port, log = free_port(), scratch / f"{name}.log"
            output = stack.enter_context(log.open("w"))
            child = stack.enter_context(process(command(port), stdout=output, stderr=output))
            wait_for(port, child, log)
            self.contenders.append(Contender(name, port, child.pid))

    def _stock(self, port: int) -> list[str]:
        command = [str(self._bin / "mitmdump"), "-q", "--mode", self._mode(), "--listen-host", "127.0.0.1"]
        command += ["--listen-port", str(port), "-s", str(HERE / "empty_tap.py")]
        return [*command, "--set", f"confdir={self._scratch / 'stock'}"]

    def _own(self, port: int, name: str, metrics: int, *, metered: bool) -> list[str]:
        config = self._scratch / f"{name}.yaml"
        text = (
            f"service: bench\nstore: sqlite://{self._scratch / name}.db\nproxy: {{ca_dir: {self._scratch / name}-ca}}\n"
        )
        if metered:
            text += "budgets:\n  - {name: bench, limit: {usd: 1000000}, window: {period: day}}\n"
            text += f"providers:\n  - {{host: '127.0.0.1:{self._upstream}', dialect: openai, name: openai}}\n"
        config.write_text(text)
        command = [str(self._bin / "tokmeter"), "proxy", "--mode", self._mode(), "--config", str(config)]
        return [*command, "--listen", f"127.0.0.1:{port}", "--metrics", f"127.0.0.1:{metrics}"]

    def _mode(self) -> str:
        return f"reverse:http://127.0.0.1:{self._upstream}"

    def measure(self, number: int, load: str, contender: Contender) -> Row:
        """One run of the load client."""
        url = f"http://127.0.0.1:{contender.port}/v1/chat/completions"
        command = [str(self._load), "client", *LOADS[load], "-pid", str(contender.pid), "-url", url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
        return Row(number, load, contender.name, json.loads(done.stdout))

    def check_meter(self, rows: list[Row]) -> None:
        """The meter counted every exchange and every token that was served through it, and nothing else."""
        served = int(sum(row.result["sent"] for row in rows if row.contender == "tokmeter"))
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/metrics", timeout=10) as answer:
            lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
        for name, wanted in (
            ("tokmeter_exchanges_total", served),
            ("tokmeter_input_tokens_total", served * INPUT_TOKENS),
            ("tokmeter_output_tokens_total", served * OUTPUT_TOKENS),
        ):
            counted = sum(float(value) for series, _, value in lines if series.partition("{")[0] == name)
            if counted != wanted:
                sys.exit(f"{name} is {counted:.0f}, but {wanted} were served")


def machine(python: Path) -> str:
    """The processor and the versions that matter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = f"{len(names)} x {names[0]}" if names else platform.machine()
    language = subprocess.run([str(python), "-V"], capture_output=True, text=True, check=True).stdout.strip()
    versions = f"mitmproxy {version('mitmproxy')}, tokmeter {version('tokmeter')}"
    return f"{name}, {platform.system()} {platform.release()}, {language}, {versions}"


def main() -> None:
    """Run the rounds, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", type=Path, default=RELEASED, help="where tokmeter and mitmproxy are installed")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if shutil.which("go") is None:
        sys.exit("bench/proxy needs the Go toolchain for its upstream and load client: install golang")
    if not options.python.exists():
        sys.exit(f"{options.python} does not exist: `make wheel-smoke` makes it, with a release build of the core")
    rows: list[Row] = []
    order = random.Random(options.rounds)  # noqa: S311 - shuffles rounds, guards nothing
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        bench = Bench(stack, options.python.absolute(), Path(scratch))
        for number in range(options.rounds):
            for load in LOADS:
                for contender in order.sample(bench.contenders, len(bench.contenders)):
                    rows.append(bench.measure(number, load, contender))
                    print(f"round {number} {load:6} {contender.name}", file=sys.stderr)
        bench.check_meter(rows)
    check_replies(rows)
    report = f"{machine(options.python)}\n\n    python bench/proxy/run.py {' '.join(sys.argv[1:])}\n\n"
    report += f"{table(rows)}\n{targets(rows)}\n"
    report += f"Equal bytes from every contender in {len(rows)} runs; every exchange and token was metered.\n"
    print(report)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "README.md").write_text(f"# Proxy benchmark\n\n{report}")
        (options.out / "runs.jsonl").write_text("".join(row.to_json() + "\n" for row in rows))


if __name__ == "__main__":
    main()
