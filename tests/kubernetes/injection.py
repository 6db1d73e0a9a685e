"""Manifests that `tokmeter inject` changed, on a cluster that has nothing else of tokmeter."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from tests.kubernetes import settings


def injected(folder: Path, document: object, space: Mapping[str, object], **more: object) -> str:
    """What the command makes of a manifest in the namespace `space`, whose labels and annotations decide."""
    file = folder / "injection.yaml"
    file.write_text(settings.text(**more))
    command = (sys.executable, "-m", "tokmeter", "inject", "--settings", str(file), "-")
    stream = yaml.safe_dump_all((space, document))
    done = subprocess.run(command, input=stream, capture_output=True, check=False, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout
