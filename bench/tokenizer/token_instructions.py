"""Instructions that the counter executes for each byte, counted under valgrind: the one figure that no neighbour disturbs.

Runs the workloads of `meter_core/benches/tokenizer.rs` not at all, once and three times, so that what surrounds them falls out.
valgrind knows AVX2 and no AVX-512: what is counted is what a processor without it executes.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

MILLION = 1_000_000


def measure(root: Path) -> dict[str, float]:
    """By workload: instructions a byte of text seen before, and millions of the first pass with loading in it."""
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
        none, once, thrice = (_executed(program, name, passes) for passes in (0, 1, 3))
        found[name] = round((thrice - once) / 2 / int(size), 2)
        found[f"{name}, first pass"] = round((once - none) / MILLION, 2)
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
    rows = [
        f"| {name} | {value:.2f} | {counted[f'{name}, first pass']:.2f} |"
        for name, value in counted.items()
        if not name.endswith(", first pass")
    ]
    head = "| counted by valgrind, 200 KB each | instructions a byte, warm | million, first pass and loading |"
    return "\n".join([head, "|---|---|---|", *rows]) + "\n"
