"""A simulator, a configuration that leads to it, and commands run as a user runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tokmeter.testing import ThreadedSimulator

LIMIT_S = 50
CLEAN = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
)
"""Variables of the machine that would lead the client elsewhere."""

CLIENT = textwrap.dedent(
    """
    # An ordinary program: the standard library's client, which follows the environment. Arguments: host, then how often.
    import json, sys, urllib.error, urllib.request

    host, times = sys.argv[1], int(sys.argv[2])
    simulate = sys.argv[3] if len(sys.argv) > 3 else ""
    anthropic = "anthropic" in host
    path = "/v1/messages" if anthropic else "/v1/chat/completions"
    body = {"model": "claude-sonnet-4-5" if anthropic else "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}
    body["max_tokens"] = 100
    headers = {"content-type": "application/json", "authorization": "Bearer sk-synthetic", "x-simulate": simulate}
    if anthropic:
        headers["anthropic-version"] = "2023-06-01"
    for _ in range(times):
        request = urllib.request.Request(f"https://{host}{path}", json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                print(answer.status, len(answer.read()))
        except urllib.error.HTTPError as error:
            print(error.code, error.headers.get("x-should-retry"), json.loads(error.read())["error"]["type"])
    """
)


@dataclass
class Bench:
    """A folder with a configuration in which the simulator stands in for both providers."""

    folder: Path
    simulator: ThreadedSimulator
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in CLEAN}
        self.environ = {**kept, "XDG_STATE_HOME": str(self.folder / "state"), "PYTHONUNBUFFERED": "1"}
        self.client = self.folder / "client.py"
        self.client.write_text(CLIENT)
        self.ledger = self.folder / "ledger.db"
        self.configure()

    def configure(self, extra: str = "") -> Path:
        """Writes the configuration, with more keys if wanted."""
        where = f"{self.simulator.host}:{self.simulator.port}"
        self.config = self.folder / "tokmeter.yaml"
        self.config.write_text(
            f"service: checkout\n"
            f"store: sqlite://{self.ledger}\n"
            f"metrics: {{listen: '127.0.0.1:0'}}\n"
            f"proxy: {{listen: '127.0.0.1:0', upstream_ca: {self.simulator.ca_path}, drain_s: 5}}\n"
            f"providers:\n"
            f"  - {{host: api.openai.com, connect_to: '{where}'}}\n"
            f"  - {{host: api.anthropic.com, connect_to: '{where}'}}\n" + textwrap.dedent(extra)
        )
        return self.config

    def calls(self, host: str, times: int, simulate: str = "") -> tuple[str, ...]:
        """The command line of the client."""
        return (sys.executable, str(self.client), host, str(times), simulate)

    def tokmeter(self, *arguments: object, check: bool = True, **environ: str) -> subprocess.CompletedProcess[str]:
        """One command to its end."""
        return subprocess.run(
            command_line(*arguments),
            env={**self.environ, **environ},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=check,
        )

    @contextmanager
    def proxy(self, *arguments: object) -> Iterator[Served]:
        """`tokmeter proxy` while the context lasts; ended by SIGTERM."""
        with subprocess.Popen(
            command_line("proxy", "--config", self.config, "--json", *arguments),
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else ""
                yield Served(process, json.loads(line))
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(LIMIT_S)


@dataclass
class Served:
    """A running sidecar."""

    process: subprocess.Popen[str]
    where: dict[str, Any]

    def variables(self) -> dict[str, str]:
        """What sends Python's own client through it."""
        return {"HTTPS_PROXY": f"http://{self.where['proxy'][0]}", "SSL_CERT_FILE": f"{self.where['trust']}/bundle.pem"}

    def get(self, path: str) -> str:
        """The answer of its metrics server."""
        parts = urlsplit(self.where["metrics"])
        connection = HTTPConnection(parts.hostname or "", parts.port, timeout=LIMIT_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read().decode()
        finally:
            connection.close()


def command_line(*arguments: object) -> list[str]:
    """`tokmeter` as this interpreter runs it."""
    return [sys.executable, "-m", "tokmeter", *map(str, arguments)]


def run(arguments: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """What a program prints."""
    return subprocess.run(
        arguments, env=dict(environ), capture_output=True, text=True, timeout=LIMIT_S, check=True
    ).stdout
