"""What a sidecar takes beside its application: time until it is ready, and memory, against what it requests by default.

    python bench/sidecar/run.py [--starts 7] [--python PATH ...] [--out bench/sidecar/runs/NAME]

Needs `make setup`. Measures the environment that runs it, and the release build of `make wheel-smoke` where it is there.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from sidecar_report import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASED = ROOT / ".cache" / "wheel-smoke" / "bin" / "python"


def machine() -> str:
    """The processor and the interpreter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = f"{len(names)} x {names[0]}" if names else platform.machine()
    load = os.getloadavg()[0]
    return f"{name}, {platform.system()}, Python {platform.python_version()}, load {load:.1f} at the start"


def environments(given: list[Path]) -> dict[str, Path]:
    """What is measured, under the name that stands in the tables."""
    if given:
        return {str(python): python for python in given}
    own = {"development build": Path(sys.executable)}
    return own | ({"release build": RELEASED} if RELEASED.exists() else {})


def main() -> None:
    """Run everything, print and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=7)
    parser.add_argument("--exchanges", type=int, default=500, help="in each round")
    parser.add_argument("--streams", type=int, default=20, help="at once, in each round")
    parser.add_argument("--python", type=Path, action="append", default=[])
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    head, measured = machine(), environments(options.python)
    counts = [str(options.starts), str(options.exchanges), str(options.streams)]
    command = [sys.executable, str(HERE / "sidecar_bench.py"), *counts, *map(str, measured.values())]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(ran.stdout.splitlines()[-1])
    end = f"Load {found.pop('load'):.1f} at the end.\n"
    figures = dict(zip(measured, found.values(), strict=True))
    text = f"{head}\n\n    python bench/sidecar/run.py {' '.join(sys.argv[1:])}\n\n{report(figures)}\n{end}"
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "README.md").write_text(f"# Sidecar benchmark\n\n{text}")
        (options.out / "figures.json").write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
