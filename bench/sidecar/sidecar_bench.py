"""Starts sidecars and loads one of each environment; prints every figure as JSON. Started by `run.py`."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from sidecar_load import exchanges, streams
from sidecar_process import Sidecar, sidecar

from tokmeter.testing import ThreadedSimulator

EXCHANGE_ROUNDS, STREAM_ROUNDS = 3, 8
"""Of the same load. What connections leave behind is collected now and then: memory rises until the first time."""
COLD = 2
"""Starts without bytecode: compiling everything takes long, and is the same each time."""
CONFIGURATION = """\
service: bench
store: sqlite://FOLDER/ledger.db
proxy: {ca_dir: FOLDER/ca, upstream_ca: ROOT}
budgets: [{name: bench, limit: {usd: 1000000}, window: {period: day}}]
providers: [{host: api.openai.com, connect_to: PLACE}]
"""


def starts(python: Path, folder: Path, text: str, times: int) -> dict[str, list[list[float]]]:
    """Seconds and seconds of computing until it is ready, with compiled bytecode and without any."""
    found: dict[str, list[list[float]]] = {"compiled": [], "cold": []}
    compiled = folder / "bytecode"
    with sidecar(python, folder / "first", text, {"PYTHONPYCACHEPREFIX": str(compiled)}):
        pass
    for i in range(times):
        kinds = {"compiled": compiled, "cold": folder / f"bytecode-{i}"} if i < COLD else {"compiled": compiled}
        for kind, prefix in kinds.items():
            with sidecar(python, folder / f"{kind}-{i}", text, {"PYTHONPYCACHEPREFIX": str(prefix)}) as started:
                found[kind].append([started.ready_s, started.ready_cpu_s])
    return found


def memory(started: Sidecar, number: int, parallel: int) -> list[dict[str, Any]]:
    """What is resident after one load and the next."""
    rows: list[dict[str, Any]] = [{"after": "its start", **started.memory_mb()}]
    for i in range(EXCHANGE_ROUNDS):
        started.forget_peak()
        exchanges(started, number, 8)
        rows.append({"after": f"{number} exchanges, round {i + 1}", **started.memory_mb()})
    for i in range(STREAM_ROUNDS):
        started.forget_peak()
        received = streams(started, parallel)
        name = f"{parallel} streams at once of {received / parallel / 1e6:.1f} MB, round {i + 1}"
        rows.append({"after": name, **started.memory_mb()})
    return rows


def main() -> None:
    """Each environment after the other."""
    times, number, parallel = (int(word) for word in sys.argv[1:4])
    figures: dict[str, Any] = {}
    with ThreadedSimulator(tls=True) as simulator, tempfile.TemporaryDirectory() as folder:
        place = f"'{simulator.host}:{simulator.port}'"
        text = CONFIGURATION.replace("ROOT", str(simulator.ca_path)).replace("PLACE", place)
        for name in sys.argv[4:]:
            own = Path(folder) / str(len(figures))
            figures[name] = {"starts": starts(Path(name), own, text, times)}
            variables = {"PYTHONPYCACHEPREFIX": str(own / "bytecode")}
            with sidecar(Path(name), own / "loaded", text, variables) as started:
                figures[name]["memory"] = memory(started, number, parallel)
    figures["load"] = os.getloadavg()[0]
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
