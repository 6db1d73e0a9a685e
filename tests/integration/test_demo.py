"""The demo, as `make demo` runs it: its own checks decide."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TITLES = (
    "1. The configuration",
    "2. The sidecar",
    "3. An unmodified program",
    "4. What the program saw",
    "5.",
    "6.",
    "7.",
)


@pytest.mark.slow
def test_the_demo_ends_well(root: Path) -> None:
    client = root / ".venv-clients" / "bin" / "python"
    if not client.exists():
        pytest.skip("needs .venv-clients with the SDKs (make setup)")

    done = subprocess.run(
        [sys.executable, str(root / "examples" / "demo" / "demo.py"), "--client-python", str(client)],
        env={**os.environ, "DEMO_REAL": "0"},
        capture_output=True,
        text=True,
        timeout=55,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert [title for title in TITLES if f"=== {title}" not in done.stdout] == []
    assert "NO " not in done.stdout
    for name in ("openai", "anthropic"):
        assert f"{name}.RateLimitError: Error code: 429" in done.stdout
    assert "Traceback" not in done.stderr
