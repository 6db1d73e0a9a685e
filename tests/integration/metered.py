"""Applications behind a real tokmeter in a process of its own, with a simulator as the provider.

Owns the configuration, the processes and reading back what the ledger holds. Everything ends before it is read, so that no
test waits for a writer.
"""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import ProxyHandler, build_opener

from tests.integration.applications import base_environment, printed
from tokmeter.capture.proxy import TrustFiles, environment
from tokmeter.store.sqlite import SqliteReader
from tokmeter.testing import ThreadedSimulator
from tokmeter.testing.simulator import HOSTS
from tokmeter.variables import (
    ADDED_CERTIFICATE_VARIABLES,
    BUNDLE_VARIABLES,
    TRUSTSTORE_PASSWORD,
    base_url_variables,
)

TOKMETER = (sys.executable, "-m", "tokmeter")
RUN_LIMIT_S = 100
STOP_LIMIT_S = 30
FOREVER_NS = 2**63 - 1


@dataclass(frozen=True)
class Finished:
    """An application that has ended, and what tokmeter knows of it."""

    status: int
    lines: list[dict[str, Any]]
    """What it printed."""
    stderr: str
    entries: list[dict[str, Any]]
    summary: dict[str, Any]


class Metered:
    """tokmeter between applications and `simulator`; `folder` takes the ledger, `state` what is kept between runs."""

    def __init__(self, folder: Path, state: Path, simulator: ThreadedSimulator) -> None:
        self.folder = folder
        self.simulator = simulator
        self.ledger = folder / "ledger.db"
        self.environ = {
            **base_environment(folder),
            "XDG_STATE_HOME": str(state),
        }

    def config(self, *more: str, connect: bool = True) -> Path:
        """A configuration with `more` lines; with `connect` the providers' hosts lead to the simulator."""
        lines = [
            "service: flock",
            f"store: sqlite://{self.ledger}",
            "metrics: {listen: 127.0.0.1:0}",
            f"proxy: {{listen: 127.0.0.1:0, upstream_ca: {self.simulator.ca_path}}}",
            *more,
        ]
        if connect:
            place = f"{self.simulator.host}:{self.simulator.port}"
            lines += ["providers:", *(f"  - {{host: {host}, connect_to: '{place}'}}" for host in HOSTS)]
        path = self.folder / "tokmeter.yaml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def run(self, command: Sequence[str], *more: str, options: Sequence[str] = ()) -> Finished:
        """`command` under `tokmeter run` with `options`, to its end."""
        summary = self.folder / "summary.json"
        config = ("--config", str(self.config(*more)), "--json", str(summary))
        with subprocess.Popen(
            [*TOKMETER, "run", *config, *options, "--", *command],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            try:
                output, said = running.communicate(timeout=RUN_LIMIT_S)
            except subprocess.TimeoutExpired:
                # The command must not outlive the test: only a signal that can be forwarded ends both.
                running.terminate()
                output, said = running.communicate(timeout=STOP_LIMIT_S)
                raise AssertionError(f"{command[0]} did not end:\n{output}\n{said}") from None
        if not summary.exists():
            raise AssertionError(f"tokmeter run ended with {running.returncode}:\n{said}")
        return Finished(running.returncode, printed(output), said, self.entries(), json.loads(summary.read_text()))

    def entries(self) -> list[dict[str, Any]]:
        """What the ledger holds, in order of admission."""
        with SqliteReader.open(self.ledger) as reader:
            return list(reader.entries(0, FOREVER_NS))

    def sidecar(
        self, *more: str, options: Sequence[str] = (), inside: Sequence[str] = (), connect: bool = True
    ) -> "Sidecar":
        """`tokmeter proxy`, started by `inside` if given."""
        config = ("--config", str(self.config(*more, connect=connect)))
        return Sidecar([*inside, *TOKMETER, "proxy", "--json", *config, *options], self.environ)


class Sidecar:
    """A running `tokmeter proxy`. Leaving it stops it as an operator would, and waits until its ledger is written."""

    def __init__(self, command: Sequence[str], environ: dict[str, str]) -> None:
        self._environ = environ
        self._process = subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            _, said = self._process.communicate(timeout=STOP_LIMIT_S)
            raise AssertionError(f"tokmeter proxy did not start:\n{said}")
        where = json.loads(line)
        self.proxy: list[str] = where["proxy"]
        self.metrics: str = where["metrics"]
        # There is none where nobody speaks TLS to it.
        trust = Path(where["trust"] or "none")
        self.trust = TrustFiles(
            bundle=trust / "bundle.pem",
            certificate=trust / "ca.pem",
            truststore=trust / "truststore.p12",
            preload=trust / "tokmeter-proxy.cjs",
        )
        self.stderr = ""
        self.status: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends it, if it has not ended, and waits until its ledger is written."""
        if self.status is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            _, self.stderr = self._process.communicate(timeout=STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            _, self.stderr = self._process.communicate()
        self.status = self._process.returncode

    @property
    def pid(self) -> int:
        """Its process; what started it has become it."""
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """What `tokmeter run` would give an application."""
        variables = environment(f"http://{self.proxy[0]}", self.trust, existing=self._environ).variables
        return {**self._environ, **variables}

    def base_url_environment(self) -> dict[str, str]:
        """Base URLs alone, for applications that trust nothing and know no proxy."""
        return {**self._environ, **base_url_variables(f"http://{self.proxy[0]}")}

    def trust_environment(self) -> dict[str, str]:
        """Trust alone, for applications whose connections are redirected by the kernel."""
        store = self.trust.truststore
        java = {"trustStore": store, "trustStoreType": "PKCS12", "trustStorePassword": TRUSTSTORE_PASSWORD}
        return {
            **self._environ,
            **dict.fromkeys(BUNDLE_VARIABLES, str(self.trust.bundle)),
            **dict.fromkeys(ADDED_CERTIFICATE_VARIABLES, str(self.trust.certificate)),
            "JAVA_TOOL_OPTIONS": " ".join(f"-Djavax.net.ssl.{name}={value}" for name, value in java.items()),
        }

    def application(self, command: Sequence[str], *, timeout_s: float = RUN_LIMIT_S) -> list[dict[str, Any]]:
        """Runs an application to its end; what it printed."""
        return finished(command, self.environment(), timeout_s=timeout_s)

    def application_while(self, command: Sequence[str], meanwhile: Callable[[], None]) -> list[dict[str, Any]]:
        """Starts an application, does something meanwhile, waits for its end; what it printed."""
        with subprocess.Popen(command, env=self.environment(), stdout=subprocess.PIPE, text=True) as running:
            try:
                meanwhile()
                output, _ = running.communicate(timeout=RUN_LIMIT_S)
            except BaseException:
                running.kill()
                raise
        return printed(output)

    def series(self, name: str) -> dict[str, float]:
        """The series of a metric, by their labels as scraped."""
        with build_opener(ProxyHandler({})).open(f"{self.metrics}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = (line.rpartition(" ") for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} ")))
        return {series.removeprefix(name): float(value) for series, _, value in found}


def finished(
    command: Sequence[str], environ: dict[str, str], *, timeout_s: float = RUN_LIMIT_S
) -> list[dict[str, Any]]:
    """Runs an application to its end; what it printed. Fails with what it said when it failed."""
    ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=timeout_s, check=False)
    if ended.returncode:
        raise AssertionError(f"{command[0]} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
    return printed(ended.stdout)


type Facts = tuple[str, str, str, str, int | None, int | None]


def facts(entries: list[dict[str, Any]]) -> list[Facts]:
    """What a test compares of entries: operation, outcome, decision, provenance, input and output tokens."""
    return [
        (
            entry["operation"],
            entry["outcome"],
            entry["decision"],
            entry["provenance"],
            entry["usage"]["input_tokens"],
            entry["usage"]["output_tokens"],
        )
        for entry in entries
    ]
