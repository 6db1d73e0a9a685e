"""The process of one engine, as the one who asks it sees it. Knows commands and time limits, measures nothing."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ANSWER_S = 300
"""Nothing that is asked takes nearly as long."""
ONE_THREAD = dict.fromkeys(
    ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKIO_WORKER_THREADS"), "1"
)


class EngineError(Exception):
    """An engine cannot do what it was asked; says why."""


class Process:
    """One engine in one process of its own."""

    def __init__(self, python: Path, engine: str, folder: Path, core: int) -> None:
        environment = os.environ | ONE_THREAD
        environment |= {
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "TIKTOKEN_CACHE_DIR": str(folder / "tiktoken"),
            "TOKENIZERS_PARALLELISM": "false",
        }
        self.engine = engine
        command = [str(python), "-W", "ignore", str(HERE / "token_worker.py"), engine, str(folder), str(core)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=sys.stderr, env=environment, bufsize=0
        )

    def ask(self, *command: object) -> dict[str, Any]:
        """Send a command and wait for the answer. The next one is sent only then, so that no process reads another's."""
        if self.process.stdin is None:
            raise EngineError("no pipe")
        try:
            self.process.stdin.write(json.dumps(command).encode() + b"\n")
        except (BrokenPipeError, ValueError) as error:
            raise EngineError("its process ended") from error
        line = b""
        while not line.endswith(b"\n"):
            ready = self.process.stdout and select.select([self.process.stdout], [], [], ANSWER_S)[0]
            if not ready:
                self.end()
                raise EngineError(f"no answer to {command[0]} in {ANSWER_S} s")
            got = os.read(ready[0].fileno(), 65_536)
            if not got:
                raise EngineError(f"its process ended during {command[0]}")
            line += got
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise EngineError(f"{command[0]}: {answer['error']}")
        return answer

    @contextmanager
    def forked(self) -> Iterator[None]:
        """Meanwhile a child answers, which nothing has touched but the imports."""
        self.ask("fork")
        try:
            yield
        finally:
            with suppress(EngineError):
                self.ask("exit")

    def end(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()
