"""What the admission webhook takes for a pod: a usual one, and one of a megabyte; one caller, and several at once.

    python bench/injector/run.py [--rounds 5] [--out bench/injector/runs/NAME]

Needs `make setup`. The injector runs as a process of its own before a cluster of endpoints; callers are processes too.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from injector_report import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def machine() -> str:
    """The processor and the interpreter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = f"{len(names)} x {names[0]}" if names else platform.machine()
    load = os.getloadavg()[0]
    return f"{name}, {platform.system()}, Python {platform.python_version()}, load {load:.1f} at the start"


def main() -> None:
    """Run everything, print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--reviews", type=int, default=200, help="of each kind and number of callers in a round")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    head = machine()
    # The cluster of endpoints and the pods are those of the tests.
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(HERE / "injector_bench.py"), str(options.rounds), str(options.reviews)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    figures = json.loads(ran.stdout.splitlines()[-1])
    text = f"{head}\n\n    python bench/injector/run.py {' '.join(sys.argv[1:])}\n\n{report(figures)}"
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "README.md").write_text(f"# Injector benchmark\n\n{text}")
        (options.out / "figures.json").write_text(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
