"""What the eBPF tracer costs: the traced application, for each call; the consumer, for each event; and the machine, once.

    python bench/ebpf/run.py [--rounds 5] [--sslsniff FILE] [--out bench/ebpf/runs/NAME]

Needs root, two cores, a C compiler and OpenSSL's headers. Measures the release build that `make wheel-smoke` makes, or
`--python`. Traces processes that it started itself and nobody else's.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

from ebpf_empty import can_load
from ebpf_report import report
from ebpf_traffic import compiler

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASED = ROOT / ".cache" / "wheel-smoke" / "bin" / "python"
SSLSNIFF = Path("/usr/sbin/sslsniff-bpfcc")
CORES = 2


def missing(python: Path) -> str | None:
    """Why it cannot run here; None if it can."""
    if platform.system() != "Linux":
        return "needs Linux"
    reason = can_load()
    if reason is not None:
        return reason
    if (os.cpu_count() or 1) < CORES or not {0, 1} <= os.sched_getaffinity(0):
        return "needs the cores 0 and 1"
    if compiler() is None or not Path("/usr/include/openssl/ssl.h").exists():
        return "needs a C compiler and OpenSSL's headers (Debian packages gcc and libssl-dev)"
    if not python.exists():
        return f"{python} does not exist: `make wheel-smoke` makes it"
    return None


def machine() -> str:
    """Processor, kernel and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    virtual = " (virtual)" if any(line.startswith("flags") and "hypervisor" in line for line in lines) else ""
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True, check=False).stdout.split()
    load = os.getloadavg()[0]
    return (
        f"{len(names)} x {names[0]}{virtual}, Linux {platform.release()}, Python {platform.python_version()}, "
        f"OpenSSL {openssl[1] if openssl else 'unknown'}, load {load:.1f} at the start"
    )


def main() -> None:
    """Run everything, print and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sslsniff", type=Path, default=SSLSNIFF)
    parser.add_argument("--python", type=Path, default=RELEASED)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    reason = missing(options.python)
    if reason is not None:
        print(f"bench/ebpf: skipped: {reason}")
        return
    head = machine()
    bench = [str(options.python), str(HERE / "ebpf_bench.py"), str(options.rounds), str(options.sslsniff)]
    ran = subprocess.run(bench, stdout=subprocess.PIPE, text=True, check=True)
    figures = json.loads(ran.stdout.splitlines()[-1])
    end = f"Load {os.getloadavg()[0]:.1f} at the end.\n"
    text = f"{head}\n\n    python bench/ebpf/run.py {' '.join(sys.argv[1:])}\n\n{report(figures)}\n{end}"
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "README.md").write_text(f"# Tracer benchmark\n\n{text}")
        (options.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
