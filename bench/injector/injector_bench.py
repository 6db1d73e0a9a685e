"""Starts the injector, calls it in rounds, and prints every latency as JSON. Started by `run.py`."""

import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from injector_calls import BODIES, call, expected
from tests.kubernetes.admission.endpoints import kubeconfig
from tests.kubernetes.admission.injected import CONFIGURATION, INJECTION, cluster

CALLERS = (1, 2, 4)
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
READY_S = 60.0


@contextmanager
def injector(folder: Path, address: str) -> Iterator[tuple[int, int, float]]:
    """Yields process, port and the seconds it took to be ready."""
    settings = folder / "injection.yaml"
    settings.write_text(INJECTION)
    command = [sys.executable, "-m", "tokmeter", "injector", "--settings", str(settings), "--json"]
    command += ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
    command += ["--kubeconfig", str(kubeconfig(address, folder / "kubeconfig"))]
    began = monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        places = json.loads((process.stdout or sys.stdin).readline())
        wait_until_ready(places["metrics"].replace("/metrics", "/readyz"))
        yield process.pid, urlsplit(places["webhook"]).port or 0, monotonic() - began
    finally:
        process.terminate()
        process.wait()


def wait_until_ready(url: str) -> None:
    """Asks until it says so."""
    pause = threading.Event()
    for _ in range(int(READY_S / 0.02)):
        try:
            urlopen(url, timeout=READY_S).close()  # noqa: S310 - an address of our own process
        except URLError:
            pause.wait(0.02)
        else:
            return
    raise TimeoutError(url)


def cpu_s(process: int) -> float:
    """User and system time of all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def memory_mb(process: int) -> float:
    """What is resident."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def together(kind: str, callers: int, reviews: int, port: int, bundle: str) -> list[float]:
    """Milliseconds of each review; fails unless every answer is the one that was computed here."""
    gate = multiprocessing.Barrier(callers)
    ends: list[Connection] = []
    processes = []
    for _ in range(callers):
        mine, theirs = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=call, args=(kind, reviews // callers, port, bundle, gate, theirs))
        process.start()
        theirs.close()
        ends.append(mine)
        processes.append(process)
    found = [each for end in ends for each in end.recv()]
    for process in processes:
        process.join()
        if process.exitcode:
            raise RuntimeError("a caller failed")
    return found


def main() -> None:
    """All rounds."""
    rounds, reviews = (int(word) for word in sys.argv[1:3])
    endpoints = cluster()
    figures: dict[str, Any] = {"ms": {}, "cpu_ms": {}, "bytes": {kind: len(body) for kind, body in BODIES.items()}}
    for kind in BODIES:
        expected(kind)
    with (
        tempfile.TemporaryDirectory() as folder,
        endpoints.serving() as address,
        injector(Path(folder), address) as (process, port, ready_s),
    ):
        figures["ready_s"], figures["memory_mb"] = ready_s, memory_mb(process)
        bundle = endpoints.bundle(CONFIGURATION).decode()
        cells = [(kind, callers) for kind in BODIES for callers in CALLERS]
        for _ in range(rounds):
            random.shuffle(cells)
            for kind, callers in cells:
                before = cpu_s(process)
                found = together(kind, callers, reviews, port, bundle)
                name = f"{kind} x{callers}"
                figures["cpu_ms"].setdefault(name, []).append(1000 * (cpu_s(process) - before) / len(found))
                figures["ms"].setdefault(name, []).append(found)
        figures["memory_after_mb"] = memory_mb(process)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
