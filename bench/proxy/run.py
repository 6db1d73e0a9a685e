"""What a request costs through tokmeter, through stock mitmdump with an empty tap, and directly.

One interleaved run on the loopback interface: in every round each contender serves the same unary load, the same
stream load and the same paced load, in shuffled order. CPU time is the proxy process's own (10 ms ticks). Every reply
is hashed by the client; a contender whose bytes differ from the direct ones fails the run.

    python bench/proxy/run.py [--rounds 5] [--out bench/proxy/runs/NAME]
"""

import argparse
import json
import platform
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).resolve().parent
BIN = Path(sys.executable).parent
LOADS = {
    "unary": ["-c", "16", "-n", "3000"],
    "stream": ["-c", "16", "-n", "320", "-sse", "-events", "100", "-interval-us", "5000"],
    "paced": ["-c", "64", "-n", "400", "-rate", "40"],
}


@dataclass(frozen=True)
class Contender:
    """A way to the upstream: the port to call and the process to watch."""

    name: str
    port: int
    pid: int


@contextmanager
def process(command: list[str], **options: object) -> Iterator[subprocess.Popen[str]]:
    """Run `command` until the block ends."""
    with subprocess.Popen(command, text=True, **options) as child:  # type: ignore[call-overload]
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


def wait_for(port: int, child: subprocess.Popen[str]) -> None:
    """Return when `port` accepts connections."""
    for _ in range(600):
        if child.poll() is not None:
            sys.exit(f"{child.args!r} ended with {child.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(f"nothing listens on port {port}")


def start(stack: ExitStack, load: Path, scratch: Path) -> list[Contender]:
    """Start the upstream and every contender."""
    upstream = stack.enter_context(process([str(load), "upstream"], stdout=subprocess.PIPE))
    if upstream.stdout is None:
        sys.exit("the upstream has no output")
    port = int(upstream.stdout.readline())
    target = f"reverse:http://127.0.0.1:{port}"
    stock_port, own_port = free_port(), free_port()
    stock = [str(BIN / "mitmdump"), "-q", "--mode", target, "--listen-port", str(stock_port)]
    stock += ["--listen-host", "127.0.0.1", "-s", str(HERE / "empty_tap.py"), "--set", f"confdir={scratch / 'stock'}"]
    config = scratch / "tokmeter.yaml"
    config.write_text(
        f"service: bench\nstore: sqlite:///{scratch / 'ledger.db'}\n"
        "budgets:\n  - {name: bench, limit: {usd: 1000000}, window: {period: day}}\n"
        f"providers:\n  - {{host: '127.0.0.1:{port}', dialect: openai, name: openai}}\n"
        f"proxy:\n  ca_dir: {scratch / 'ca'}\n"
    )
    own = [str(BIN / "python"), "-O", "-m", "tokmeter", "proxy", "--mode", target]
    own += ["--listen", f"127.0.0.1:{own_port}", "--metrics", f"127.0.0.1:{free_port()}", "--config", str(config)]
    log = stack.enter_context((scratch / "stderr.log").open("w"))
    contenders = [Contender("direct", port, 0)]
    for name, command, listen in (("stock", stock, stock_port), ("tokmeter", own, own_port)):
        child = stack.enter_context(process(command, stdout=log, stderr=log))
        wait_for(listen, child)
        contenders.append(Contender(name, listen, child.pid))
    return contenders


def measure(load: Path, contender: Contender, arguments: list[str]) -> dict[str, float]:
    """One run of the load client."""
    url = f"http://127.0.0.1:{contender.port}/v1/chat/completions"
    command = [str(load), "client", *arguments, "-pid", str(contender.pid), "-url", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def table(rows: list[dict[str, object]]) -> str:
    """Medians over the rounds, and ratios to stock taken round by round."""

    def values(load: str, name: str, field: str) -> list[float]:
        return [float(row["result"][field]) for row in rows if (row["load"], row["contender"]) == (load, name)]  # type: ignore[index]

    def cpu(load: str, name: str, per: str) -> list[float]:
        return [1e6 * c / n for c, n in zip(values(load, name, "cpu_s"), values(load, name, per), strict=True)]

    figures = {
        "CPU per request, us": lambda name: cpu("unary", name, "requests"),
        "CPU per SSE event, us": lambda name: cpu("stream", name, "events"),
        "p50 at c=16, us": lambda name: values("unary", name, "p50_us"),
        "p99 at c=16, us": lambda name: values("unary", name, "p99_us"),
        "p50 at 40 req/s, us": lambda name: values("paced", name, "p50_us"),
        "p99 at 40 req/s, us": lambda name: values("paced", name, "p99_us"),
        "TTFT p50 of streams, us": lambda name: values("stream", name, "ttft_p50_us"),
        "RSS, MB": lambda name: [kb / 1024 for kb in values("stream", name, "rss_kb")],
    }
    lines = ["| figure | direct | stock mitmdump | tokmeter | tokmeter / stock |", "|---|---|---|---|---|"]
    for figure, of in figures.items():
        direct, stock, own = of("direct"), of("stock"), of("tokmeter")
        ratio = statistics.median(a / b for a, b in zip(own, stock, strict=True))
        shown = [f"{statistics.median(series):.1f}" for series in (direct, stock, own)]
        lines.append(f"| {figure} | {' | '.join(shown)} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


def check(rows: list[dict[str, object]]) -> None:
    """Every contender answered every request with the same bytes."""
    for load in LOADS:
        results = [row["result"] for row in rows if row["load"] == load]
        digests = {result["digest"] for result in results}  # type: ignore[index]
        failed = sum(result["failed"] for result in results)  # type: ignore[index]
        if len(digests) != 1 or failed:
            sys.exit(f"{load}: replies differ ({digests}) or failed ({failed})")


def processor() -> str:
    """The processor's own name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> None:
    """Build the load program, run the rounds, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if shutil.which("go") is None:
        sys.exit("bench/proxy needs the Go toolchain for its upstream and load client: install golang")
    rows: list[dict[str, object]] = []
    order = random.Random(options.rounds)  # noqa: S311 - shuffles rounds, guards nothing
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        scratch = Path(name)
        load = scratch / "load"
        subprocess.run(["go", "build", "-o", str(load), "."], cwd=HERE / "load", check=True)
        contenders = start(stack, load, scratch)
        for number in range(options.rounds):
            for kind, arguments in LOADS.items():
                for contender in order.sample(contenders, len(contenders)):
                    result = measure(load, contender, arguments)
                    rows.append({"round": number, "load": kind, "contender": contender.name, "result": result})
                    print(f"round {number} {kind:6} {contender.name}", file=sys.stderr)
    check(rows)
    machine = f"{processor()}, {platform.system()} {platform.release()}, Python {platform.python_version()}, "
    machine += f"mitmproxy {version('mitmproxy')}, tokmeter {version('tokmeter')}"
    report = f"{machine}\n\n{' '.join(['python', 'bench/proxy/run.py', *sys.argv[1:]])}\n\n{table(rows)}"
    report += f"\nEqual bytes from every contender in {len(rows)} runs.\n"
    print(report)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "README.md").write_text(f"# Proxy benchmark\n\n{report}")
        (options.out / "runs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
