"""Instructions that the counter executes for each byte, counted under valgrind: the one figure that no neighbour disturbs.

Runs the workloads of `meter_core/benches/tokenizer.rs`, once and three times, so that loading falls out.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

PASSES = (1, 3)


def measure(root: Path) -> dict[str, float]:
    """Instructions a byte by workload, and instructions of loading."""
    if shutil.which("valgrind") is None:
        print("valgrind is not installed: no instructions are counted")
        return {}
    build = ["cargo", "bench", "--quiet", "--locked", "-p", "meter_core", "--bench", "tokenizer", "--no-run"]
    ran = subprocess.run([*build, "--message-format=json"], stdout=subprocess.PIPE, text=True, check=True, cwd=root)
    messages = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    (program,) = (each["executable"] for each in messages if each.get("target", {}).get("name") == "tokenizer")
    listed = subprocess.run([program, "--workloads"], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = {}
    for line in listed.stdout.splitlines():
        name, size = line.split("\t")
        few, many = (_executed(program, name, passes) for passes in PASSES)
        found[name] = round((many - few) / (PASSES[1] - PASSES[0]) / int(size), 2)
        found[f"{name}, first pass and loading"] = round(few / int(size), 2)
    return found


def _executed(program: str, workload: str, passes: int) -> int:
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program]
    ran = subprocess.run(
        [*command, "--once", workload, str(passes)],
        stderr=subprocess.PIPE,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    collected = re.search(r"Collected : (\d+)", ran.stderr)
    if collected is None:
        raise ValueError(ran.stderr)
    return int(collected[1])


def table(counted: dict[str, float]) -> str:
    """The figures as a table."""
    rows = [f"| {name} | {value:.2f} |" for name, value in counted.items()]
    return "\n".join(["| instructions a byte | |", "|---|---|", *rows]) + "\n"
