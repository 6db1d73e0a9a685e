"""How fast tokens are counted, beside everybody else's counters: warm, cold, unseen, at the worst, and what it keeps.

    python bench/tokenizer/run.py [--rounds 7] [--quick] [--instructions] [--out bench/tokenizer/runs/NAME]

Needs `make wheel-smoke` for the release build of the core. Peers and texts come from the locked packages of
`requirements/bench-tokenizer.txt`, into an environment of their own; once they are there, nothing needs the network.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from pathlib import Path

import token_corpora
import token_instructions
import token_report
from token_engines import ENGINES, OWN, OWN_ENCODINGS, SHARED_ENCODINGS
from token_rounds import Plan, Samples, measure, say

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASED = ROOT / ".cache" / "wheel-smoke" / "bin" / "python"
PEERS = ROOT / ".cache" / "bench-tokenizer"
DATA = ROOT / ".cache" / "bench-tokenizer-data"
LOCK = ROOT / "requirements" / "bench-tokenizer.txt"


def machine() -> str:
    """The processor and the interpreter."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = f"{len(names)} x {names[0]}" if names else platform.machine()
    load = os.getloadavg()[0]
    return f"{name}, {platform.system()}, Python {platform.python_version()}, load {load:.1f} at the start"


def install() -> Path:
    """The environment of the peers, made again when the lock changed; its interpreter."""
    python = PEERS / "bin" / "python"
    stamp = PEERS / "lock"
    if python.exists() and stamp.exists() and stamp.read_bytes() == LOCK.read_bytes():
        return python
    say(f"installing {PEERS.name}: about 600 MB")
    uv, base = (
        subprocess.run([str(ROOT / "scripts" / name)], capture_output=True, text=True, check=True).stdout.strip()
        for name in ("find-uv", "find-python")
    )
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", base, str(PEERS)], check=True)
    command = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--no-deps", "--require-hashes"]
    entries = re.split(r"\n(?=[a-zA-Z0-9])", LOCK.read_text())
    peers = {engine.package for engine in ENGINES.values()}
    alone = [entry for entry in entries if entry.partition("==")[0] in peers]
    rest = [entry for entry in entries if entry not in alone]
    # The lock has whatever they depend on. A peer that this machine cannot have is missed when it is imported.
    for wanted in ("\n".join(rest), *alone):
        chosen = PEERS / "chosen.txt"
        chosen.write_text(wanted + "\n")
        ran = subprocess.run([*command, "--python", str(python), "-r", str(chosen)], check=wanted not in alone)
        if ran.returncode:
            say(f"{wanted.partition(' ')[0]} cannot be installed")
    stamp.write_bytes(LOCK.read_bytes())
    return python


def prepare(python: Path) -> dict[str, str]:
    """Texts and vocabularies; the SHA-256 of each corpus."""
    packages = next(PEERS.glob("lib/python3*/site-packages"))
    digests = token_corpora.write(DATA / "text", token_corpora.corpora(packages, PEERS / "share", ROOT))
    code = "import sys, pathlib, token_vocabularies; token_vocabularies.write(pathlib.Path(sys.argv[1]))"
    subprocess.run([str(python), "-c", code, str(DATA)], check=True, cwd=HERE)
    return digests


VERSIONS = """
import importlib.metadata, sys
for name in sys.argv[1:]:
    try:
        print(importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        print("not installed")
"""


def versions(python: Path, own: Path) -> dict[str, str]:
    """The version of each engine's package."""
    peers = {engine.package for name, engine in ENGINES.items() if name != OWN}
    found = {}
    for interpreter, names in ((python, sorted(peers)), (own, [OWN])):
        ran = subprocess.run([str(interpreter), "-c", VERSIONS, *names], capture_output=True, text=True, check=True)
        found |= dict(zip(names, ran.stdout.splitlines(), strict=True))
    return found


def about(samples: Samples, digests: dict[str, str], found: dict[str, str]) -> str:
    """What was compared, on what, and what was not."""
    lines = ["| engine | version | call | |", "|---|---|---|---|"]
    for name, engine in ENGINES.items():
        wrong = samples.inexact.get(name)
        note = f"**inexact**: {', '.join(wrong)}" if wrong else "exact" if name in samples.compared else "not compared"
        if name in samples.skipped:
            note = f"skipped: {samples.skipped[name]}"
        lines.append(f"| {name} | {found[engine.package]} | `{engine.call}` | {note} |")
    lines += ["", "| corpus | SHA-256 |", "|---|---|", *(f"| {name} | {each} |" for name, each in digests.items())]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run everything, print and keep the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="one encoding, and no engine that is slow to measure")
    parser.add_argument("--engines", help="only these, with commas between them")
    parser.add_argument("--own", type=Path, default=RELEASED, help="the interpreter that has tokmeter")
    parser.add_argument("--instructions", action="store_true", help="also instructions a byte, under valgrind")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if not options.own.exists():
        sys.exit(f"{options.own} does not exist: `make wheel-smoke` makes it, with a release build of the core")
    head = machine()
    python = install()
    digests = prepare(python)
    asked = options.engines.split(",") if options.engines else list(ENGINES)
    left_out = {name: "not asked for" for name in ENGINES if name not in asked}
    if options.quick:
        left_out |= {name: "quick run" for name in asked if ENGINES[name].heavy or name == "mistral-common"}
    plan = Plan(
        pythons=lambda engine: options.own if engine == OWN else python,
        folder=DATA,
        core=max(os.sched_getaffinity(0)),
        rounds=max(2, options.rounds),
        engines=tuple(name for name in ENGINES if name not in left_out),
        encodings=SHARED_ENCODINGS[:1] if options.quick else SHARED_ENCODINGS + OWN_ENCODINGS,
    )
    samples = measure(plan)
    samples.skipped |= left_out
    text = f"{head}\n\n    python bench/tokenizer/run.py {' '.join(sys.argv[1:])}\n\n"
    text += about(samples, digests, versions(python, options.own)) + "\n"
    text += token_report.report(samples.found, list(plan.engines), list(plan.encodings))
    figures = {name: round(statistics.median(each.values()), 4) for name, each in samples.found.items()}
    if options.instructions:
        counted = token_instructions.measure(ROOT)
        figures |= {f"instructions|{name}": value for name, value in counted.items()}
        text += "\n" + token_instructions.table(counted)
    print(text)
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "README.md").write_text(f"# Tokenizer benchmark\n\n{text}")
        (options.out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
