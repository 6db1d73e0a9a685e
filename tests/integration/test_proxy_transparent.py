"""Transparent mode with the kernel's own redirect, in a network namespace of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest


def test_redirected_connections_are_sorted_by_name_over_ipv4_and_ipv6(
    root: Path, tmp_path: Path, tool: Callable[[str], str]
) -> None:
    unshare = tool("unshare")
    tool("nft")
    tool("ip")
    if subprocess.run([unshare, "--net", "nft", "list", "ruleset"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make a network namespace and rules in it (root)")
    program = subprocess.run(
        [unshare, "--net", sys.executable, "-m", "tests.integration.redirected", str(tmp_path)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )
    assert program.returncode == 0, program.stderr
    said = json.loads(program.stdout)
    metered, other = (
        {"name": "api.metered.test", "status": 200, "own": False},
        {"name": "other.test", "status": 200, "own": True},
    )
    assert said["seen"] == [metered, other, metered, other]
    assert said["metered"] == [["api.metered.test", 443]] * 2
