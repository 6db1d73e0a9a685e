"""The main job, end to end, on a machine with no key: a sidecar meters an unmodified program, prices it and stops it.

Starts a provider simulator and `tokmeter proxy`, runs `app.py` in an environment of its own, shows the live table, the
refusal as the SDKs report it, the scrape and the report, and checks that all of it happened. With OPENAI_API_KEY or
ANTHROPIC_API_KEY set, and DEMO_REAL=1 or a "y" at the prompt, the real providers are asked instead.

    python examples/demo/demo.py --client-python .venv-clients/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any
from urllib.request import ProxyHandler, build_opener

from tokmeter.capture.proxy import TrustFiles, environment
from tokmeter.testing import Behaviour, ThreadedSimulator

APP = Path(__file__).with_name("app.py")
CLIENT_PYTHON = Path(__file__).resolve().parents[2] / ".venv-clients" / "bin" / "python"
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")
BUDGET = "checkout-daily"
LIMIT_USD = "0.02"
APP_LIMIT_S = 120
STOP_LIMIT_S = 30
SIMULATED = Behaviour(tokens=260, chunks=26, delay=0.15, interval=0.03)
SHOWN_METRICS = (
    "tokmeter_exchanges",
    "tokmeter_input",
    "tokmeter_output",
    "tokmeter_cost_usd_total",
    "tokmeter_budget",
    "tokmeter_decisions",
)
TOKMETER = (sys.executable, "-m", "tokmeter")


def main() -> int:
    """Run the demo; 0 when everything it shows has really happened."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--client-python", default=str(CLIENT_PYTHON), help="interpreter with openai and anthropic")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tokmeter-demo-")))
        environ = {**os.environ, "XDG_STATE_HOME": str(folder / "state"), "PYTHONUNBUFFERED": "1"}
        simulator = None if _real() else stack.enter_context(ThreadedSimulator(tls=True, behaviour=SIMULATED))
        return _demo(arguments.client_python, folder, environ, simulator)


def _demo(client_python: str, folder: Path, environ: dict[str, str], simulator: ThreadedSimulator | None) -> int:
    section("1. The configuration: one service, one small budget")
    config = _write_config(folder, simulator)
    print(config.read_text().strip())

    section("2. The sidecar starts")
    with subprocess.Popen(
        [*TOKMETER, "proxy", "--config", str(config), "--json"], env=environ, stdout=subprocess.PIPE, text=True
    ) as sidecar:
        try:
            line = sidecar.stdout.readline() if sidecar.stdout else ""
            if not line:
                print("the sidecar did not start", file=sys.stderr)
                return 1
            where = json.loads(line)
            said = _run_program(client_python, where, environ, simulator)
            scrape, budgets = _read(where["metrics"] + "/metrics"), json.loads(_read(where["metrics"] + "/budgets"))
        finally:
            sidecar.send_signal(signal.SIGTERM)
        sidecar.wait(STOP_LIMIT_S)

    section("5. What Prometheus scrapes")
    print("\n".join(line for line in scrape.splitlines() if line.startswith(SHOWN_METRICS) and "_bucket" not in line))

    section("6. What finance reads: the ledger, after the sidecar is gone")
    command = ("report", "--by", "service,provider,model,outcome", "--config", str(config))
    print("$ tokmeter", *command, flush=True)
    subprocess.run([*TOKMETER, *command], env=environ, check=True)
    report = json.loads(
        subprocess.run([*TOKMETER, *command, "--json"], env=environ, check=True, capture_output=True, text=True).stdout
    )

    section("7. Did it really happen?")
    return _verify(said, scrape, budgets, report, simulator)


def _run_program(
    client_python: str, where: dict[str, Any], environ: dict[str, str], simulator: ThreadedSimulator | None
) -> str:
    """Run the unmodified program behind the sidecar, with the live table beside it; returns what it printed."""
    section("3. An unmodified program runs; the live table")
    trust = Path(where["trust"])
    files = TrustFiles(
        bundle=trust / "bundle.pem",
        certificate=trust / "ca.pem",
        truststore=trust / "truststore.p12",
        preload=trust / "tokmeter-proxy.cjs",
    )
    variables = environment(f"http://{where['proxy'][0]}", files, existing=environ, replace=True).variables
    keys = {} if simulator is None else dict.fromkeys(KEYS, "sk-simulated")
    watch = ("watch", "--from", where["metrics"], "--plain", "--interval", "2")
    print("$ python app.py &   # HTTPS_PROXY and the trust bundle are set, nothing else")
    print("$ tokmeter", *watch, "\n", flush=True)
    with subprocess.Popen([*TOKMETER, *watch], env=environ, stdout=subprocess.PIPE, text=True) as table:
        printing = threading.Thread(target=_copy, args=(table.stdout,))
        printing.start()
        try:
            program = subprocess.run(
                [client_python, "-W", "ignore", str(APP)],
                env={**environ, **variables, **keys},
                capture_output=True,
                text=True,
                timeout=APP_LIMIT_S,
                check=False,
            )
            # One more table, with the refusals in it.
            threading.Event().wait(2.2)
        finally:
            # Not SIGINT: in a background job of a shell, that is ignored.
            table.terminate()
        printing.join()
    section("4. What the program saw: the SDKs' own errors when the budget is reached")
    print(program.stdout.strip())
    if program.returncode:
        print(program.stderr.strip()[-2000:], file=sys.stderr)
    return program.stdout


def _verify(
    said: str,
    scrape: str,
    budgets: list[dict[str, Any]],
    report: list[dict[str, Any]],
    simulator: ThreadedSimulator | None,
) -> int:
    admitted = sum(group["calls"] for group in report if group["outcome"] != "refused")
    refused = sum(group["calls"] for group in report if group["outcome"] == "refused")
    spent = sum(
        float(line.rsplit(" ", 1)[1]) for line in scrape.splitlines() if line.startswith("tokmeter_cost_usd_total")
    )
    account = next(account for account in budgets if account["name"] == BUDGET)
    facts = {
        "calls were metered and priced": admitted > 0 and spent > 0,
        "the SDK raised its own RateLimitError": "RateLimitError" in said,
        "the refusals are in the ledger": refused > 0,
        "the budget was not exceeded": 0 < account["spent_nano_usd"] <= account["limit_nano_usd"],
        "nothing is held any more": account["held_nano_usd"] == 0,
    }
    if simulator is not None:
        reached = len(simulator.requests)
        facts[f"no refused call reached the provider ({reached} requests there, {admitted} admitted)"] = (
            reached == admitted
        )
    for fact, holds in facts.items():
        print(f"{'yes' if holds else 'NO '}  {fact}")
    print(f"\nspent ${spent:.6f} of ${LIMIT_USD}; {admitted} calls admitted, {refused} refused")
    return 0 if all(facts.values()) else 1


def _write_config(folder: Path, simulator: ThreadedSimulator | None) -> Path:
    lines = [
        "service: checkout",
        f"store: sqlite://{folder}/ledger.db",
        "budgets:",
        f"  - name: {BUDGET}",
        "    scope: {service: checkout}",
        f"    limit: {{usd: {LIMIT_USD}}}",
        "    window: {period: day}",
        "    alert_at: [0.5, 0.8]",
        "metrics: {listen: 127.0.0.1:0}",
        "proxy:",
        "  listen: 127.0.0.1:0",
    ]
    if simulator is not None:
        lines += [
            f"  upstream_ca: {simulator.ca_path}",
            "providers:     # the simulator stands in for both",
            *(
                f"  - {{host: {host}, connect_to: '{simulator.host}:{simulator.port}'}}"
                for host in ("api.openai.com", "api.anthropic.com")
            ),
        ]
    path = folder / "tokmeter.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def _real() -> bool:
    """Whether to ask the real providers: only with a key, and only when told so."""
    found = [key for key in KEYS if os.environ.get(key)]
    if not found or os.environ.get("DEMO_REAL") == "0":
        return False
    if os.environ.get("DEMO_REAL") == "1":
        return True
    if not sys.stdin.isatty():
        return False
    return (
        input(f"{' and '.join(found)} found. Ask the real provider, for at most ${LIMIT_USD}? [y/N] ")
        .lower()
        .startswith("y")
    )


def _read(url: str) -> str:
    opener = build_opener(ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return bytes(answer.read()).decode()


def _copy(lines: IO[str] | None) -> None:
    for line in lines or ():
        print(f"  {line}", end="", flush=True)


def section(title: str) -> None:
    """A heading."""
    print(f"\n=== {title} ===\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
