"""What reading the wire costs: one exchange, one event, one gigabyte, one open stream; beside what others do for the same.

    python bench/wire/run.py [--rounds 9] [--out bench/wire/runs/NAME]

Needs `make wheel-smoke` for the release build of the core and cargo for the benchmark of the scanner.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from wire_report import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASED = ROOT / ".cache" / "wheel-smoke" / "bin" / "python"
PEERS = ROOT / ".cache" / "bench-wire"
ORJSON = "orjson==3.11.4"
"""Only measured against; not a dependency of anything."""


def machine() -> str:
    """The processor and the interpreter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = f"{len(names)} x {names[0]}" if names else platform.machine()
    load = os.getloadavg()[0]
    return f"{name}, {platform.system()}, Python {platform.python_version()}, load {load:.1f} at the start"


def main() -> None:
    """Run everything, print and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not RELEASED.exists():
        sys.exit(f"{RELEASED} does not exist: `make wheel-smoke` makes it, with a release build of the core")
    head = machine()
    uv = subprocess.run([str(ROOT / "scripts" / "find-uv")], capture_output=True, text=True, check=True).stdout.strip()
    install = [uv, "pip", "install", "--quiet", "--python", str(RELEASED), "--target", str(PEERS), ORJSON]
    subprocess.run(install, check=True)
    bench = [str(RELEASED), str(HERE / "wire_bench.py"), str(options.rounds)]
    environment = os.environ | {"PYTHONPATH": str(PEERS)}
    ran = subprocess.run(bench, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    figures = json.loads(ran.stdout.splitlines()[-1])
    scan = ["cargo", "bench", "--quiet", "--locked", "-p", "meter_core", "--bench", "scan"]
    scanned = subprocess.run(scan, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    figures["gb_per_s"] = json.loads(scanned.stdout.splitlines()[-1])
    text = f"{head}\n\n    python bench/wire/run.py {' '.join(sys.argv[1:])}\n\n{report(figures)}"
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "README.md").write_text(f"# Wire benchmark\n\n{text}")
        (options.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
