"""Manifests in, manifests with a sidecar out."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from tests.unit.cli.conftest import Outcome
from tests.unit.cli.test_commands import imported_by

MANIFEST = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec: {template: {spec: {containers: [{name: app, image: a}]}}}
"""
REFUSED = "---\napiVersion: v1\nkind: Pod\nmetadata: {name: node}\nspec: {hostNetwork: true, containers: [{name: app, image: a}]}\n"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Settings and a manifest."""
    settings, manifest = tmp_path / "injection.yaml", tmp_path / "m.yaml"
    settings.write_text("image: registry.example/tokmeter:1.0\n")
    manifest.write_text(MANIFEST)
    return settings, manifest


def test_the_manifest_goes_to_stdout_and_the_words_to_stderr(
    tokmeter: Callable[..., Outcome], files: tuple[Path, Path]
) -> None:
    settings, manifest = files

    ended = tokmeter("inject", "--settings", settings, "--kubernetes", "v1.28.3", manifest)

    assert ended.status == 0
    spec = yaml.safe_load(ended.out)["spec"]["template"]["spec"]
    assert [c["name"] for c in spec["containers"]] == ["tokmeter", "app"]
    assert ended.err == "deployment/checkout: injected: the sidecar was added, profile transparent\n"


def test_a_pod_that_is_left_without_makes_the_status_1(
    tokmeter: Callable[..., Outcome], files: tuple[Path, Path]
) -> None:
    settings, manifest = files
    manifest.write_text(MANIFEST + REFUSED)

    ended = tokmeter("inject", "--settings", settings, "--report", "json", "--namespace", "shop", manifest)

    assert ended.status == 1
    told = [json.loads(line) for line in ended.err.splitlines()]
    assert [(entry["name"], entry["reason"], entry["namespace"]) for entry in told] == [
        ("checkout", "injected", "shop"),
        ("node", "host_network", "shop"),
    ]
    assert len(list(yaml.safe_load_all(ended.out))) == 2


def test_standard_input_and_settings_by_environment(
    tokmeter: Callable[..., Outcome], files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKMETER_INJECTION", str(files[0]))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"kind: ConfigMap\n")))

    ended = tokmeter("inject", "-")

    assert (ended.status, ended.out) == (0, "kind: ConfigMap\n")
    assert "no pods" in ended.err


@pytest.mark.parametrize(
    ("settings", "manifest", "status", "told"),
    [
        ("image: a\nimages: b\n", MANIFEST, 2, "did you mean 'image'?"),
        ("image: a\n", "a: [\n", 1, "m.yaml:2"),
        ("image: a\n", "a: \udce9", 1, "not UTF-8"),
    ],
)
def test_mistakes_are_told(
    tokmeter: Callable[..., Outcome],
    files: tuple[Path, Path],
    settings: str,
    manifest: str,
    status: int,
    told: str,
) -> None:
    files[0].write_text(settings)
    files[1].write_bytes(manifest.encode(errors="surrogateescape"))

    ended = tokmeter("inject", "--settings", *files)

    assert (ended.status, ended.out) == (status, "")
    assert told in ended.err


def test_injecting_needs_no_proxy(files: tuple[Path, Path]) -> None:
    settings, manifest = files

    found = imported_by("inject", "--settings", str(settings), str(manifest))

    assert "tokmeter.inject.injector" in found
    assert found.isdisjoint({"mitmproxy", "prometheus_client", "cryptography"})
