"""The client programs of tests/clients, ready to run: where each one's interpreter or build is, or a skip that names what lacks.

Owns how applications are started and what they print. Knows nothing of tokmeter: an application never shares its
environment.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "tests" / "clients"
PYTHON = ROOT / ".venv-clients" / "bin" / "python"
KEYS = {
    "OPENAI_API_KEY": "sk-synthetic",
    "ANTHROPIC_API_KEY": "sk-ant-synthetic",
    "AZURE_OPENAI_API_KEY": "azure-synthetic",
    "AWS_ACCESS_KEY_ID": "AKIASYNTHETIC",
    "AWS_SECRET_ACCESS_KEY": "synthetic",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "CO_API_KEY": "co-synthetic",
    "COHERE_API_KEY": "co-synthetic",
    "DEEPSEEK_API_KEY": "ds-synthetic",
    "FIREWORKS_AI_API_KEY": "fw-synthetic",
    "GEMINI_API_KEY": "g-synthetic",
    "GROQ_API_KEY": "gsk-synthetic",
    "MISTRAL_API_KEY": "mistral-synthetic",
    "OLLAMA_HOST": "https://ollama.com",
    "OPENROUTER_API_KEY": "or-synthetic",
    "PERPLEXITYAI_API_KEY": "pplx-synthetic",
    "TOGETHERAI_API_KEY": "tg-synthetic",
    "XAI_API_KEY": "xai-synthetic",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    # The library would fetch a tokenizer in the middle of a stream.
    "HF_HUB_OFFLINE": "1",
}
"""What the SDKs look for in the environment."""
BUILD_LIMIT_S = 240


@dataclass(frozen=True)
class Call:
    """One request of an HTTP application."""

    url: str
    body: Path | None = None
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False


@dataclass(frozen=True)
class Application:
    """An HTTP application: `command` and then the file of its requests."""

    name: str
    command: tuple[str, ...]
    protocol: str
    """What it speaks with a server that offers HTTP/2, in its own words."""
    tabs: bool = False
    """Whether it reads lines of tabs instead of JSON."""

    def planned(self, path: Path, calls: Sequence[Call]) -> list[str]:
        """Writes the file of requests to `path`; the command that makes them."""
        path.write_text("".join(map(_tabs, calls)) if self.tabs else json.dumps([_object(call) for call in calls]))
        return [*self.command, str(path)]


def base_environment(home: Path) -> dict[str, str]:
    """What every application starts from: nothing of this machine's own proxies and trust."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", **KEYS}


def printed(output: str) -> list[dict[str, Any]]:
    """The objects that an application printed."""
    return [json.loads(line) for line in output.splitlines()]


def python_program(name: str) -> tuple[str, ...]:
    """A Python program in the environment of applications."""
    if not PYTHON.exists():
        pytest.skip("needs .venv-clients (make setup)")
    # Warnings of libraries are theirs.
    return (str(PYTHON), "-W", "ignore", str(CLIENTS / "python" / name))


def node_program(tool: Callable[[str], str]) -> tuple[str, ...]:
    """The program on openai-node."""
    node = tool("node")
    if not (CLIENTS / "node" / "node_modules" / "openai").is_dir():
        pytest.skip("needs openai-node (make setup-tests)")
    return (node, str(CLIENTS / "node" / "openai_calls.mjs"))


def go_program(tool: Callable[[str], str], folder: Path, flags: Sequence[str] = ()) -> tuple[str, ...]:
    """The program on net/http, built into `folder` from the standard library alone, with `flags` of the compiler."""
    built = folder / "calls"
    if not built.exists():
        _build(
            [tool("go"), "build", *flags, "-o", str(built), "."],
            CLIENTS / "go",
            GOPROXY="off",
            GOTOOLCHAIN="local",
            GOFLAGS="",
        )
    return (str(built),)


def java_program(tool: Callable[[str], str], folder: Path) -> tuple[str, ...]:
    """The program on java.net.http, compiled into `folder`."""
    java = tool("java")
    if shutil.which("javac") is None:
        pytest.skip("needs javac (a JDK of 17 or newer)")
    if not (folder / "Calls.class").exists():
        _build(["javac", "-d", str(folder), "Calls.java"], CLIENTS / "java")
    return (java, "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", str(folder), "Calls")


def static_program(folder: Path) -> tuple[str, ...]:
    """The program of C with an OpenSSL built in, stripped; skips where there is none to build in."""
    library = sorted(Path("/usr/lib").glob("*-linux-gnu/libssl.a"))
    if not library or shutil.which("gcc") is None or shutil.which("strip") is None:
        pytest.skip("needs gcc and a static OpenSSL (apt packages gcc and libssl-dev)")
    built = folder / "call"
    if not built.exists():
        archives = (str(library[0]), str(library[0].with_name("libcrypto.a")))
        _build(["gcc", "-O1", "-o", str(built), "call.c", *archives, "-ldl", "-lpthread"], CLIENTS / "c")
        _build(["strip", str(built)], folder)
    return (str(built),)


def application(name: str, tool: Callable[[str], str], folder: Path) -> Application:
    """The HTTP application of that name; what is built goes to `folder`."""
    folder.mkdir(exist_ok=True)
    if name == "go":
        return Application(name, go_program(tool, folder), "HTTP/2.0")
    if name == "java":
        return Application(name, java_program(tool, folder), "HTTP/2", tabs=True)
    if name == "curl":
        tool("curl")
    # httpx offers both and puts HTTP/1.1 first.
    protocol = "HTTP/2" if name == "curl" else "HTTP/1.1"
    return Application(name, python_program(f"{name}_calls.py"), protocol)


def _build(command: Sequence[str], folder: Path, **environ: str) -> None:
    built = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    if built.returncode:
        pytest.fail(f"{' '.join(command)} failed:\n{built.stderr}")


def _object(call: Call) -> dict[str, Any]:
    body = None if call.body is None else str(call.body)
    return {"url": call.url, "headers": call.headers, "body": body, "chunked": call.chunked}


def _tabs(call: Call) -> str:
    words = [call.url, "-" if call.body is None else str(call.body), "chunked" if call.chunked else "-"]
    return "\t".join([*words, *(word for pair in call.headers.items() for word in pair)]) + "\n"
