"""A self-hosted server in a process of its own: llama-cpp-python's, over a model made for the test.

Owns the model's file and the process. Knows nothing of tokmeter.
"""

import re
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.applications import CLIENTS, ROOT, base_environment

PYTHON = ROOT / ".venv-llama" / "bin" / "python"
BUILT = ROOT / ".cache" / "stamps" / "env.venv-llama"
MODEL = "flock-tiny"
MAKE_LIMIT_S = 60
STOP_LIMIT_S = 30
SERVING = re.compile(r"Uvicorn running on http://127\.0\.0\.1:(\d+)")
LAST_LINES = 50


@contextmanager
def llama_server(folder: Path) -> Iterator[int]:
    """The port of a server on this machine, while the context lasts."""
    if not BUILT.exists():
        pytest.skip("needs .venv-llama (make setup-llama-server)")
    model = folder / "tiny.gguf"
    made = subprocess.run(
        [PYTHON, CLIENTS / "python" / "tiny_gguf.py", model],
        env=base_environment(folder),
        capture_output=True,
        text=True,
        timeout=MAKE_LIMIT_S,
        check=False,
    )
    assert made.returncode == 0, made.stderr

    options = ["--model_alias", MODEL, "--embedding", "true", "--n_ctx", "512", "--n_threads", "1"]
    with subprocess.Popen(
        [PYTHON, "-m", "llama_cpp.server", "--model", model, "--host", "127.0.0.1", "--port", "0", *options],
        env=base_environment(folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stderr is not None
        said: deque[str] = deque(maxlen=LAST_LINES)
        try:
            yield serving(server.stderr, said)
        finally:
            server.terminate()
            try:
                server.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                server.kill()


def serving(stderr: Iterable[str], said: deque[str]) -> int:
    """Reads what the server says until it says its port; what it says later is read so that it never waits."""
    for line in stderr:
        said.append(line)
        if found := SERVING.search(line):
            Thread(target=said.extend, args=(stderr,), daemon=True).start()
            return int(found[1])
    raise AssertionError(f"the server did not start:\n{''.join(said)}")
