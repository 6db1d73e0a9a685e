"""`tokmeter injector`: what ends its start, in words. Serving is in tests/integration/test_cli_injector.py."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Outcome

pytestmark = pytest.mark.usefixtures("outside")


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pod of a cluster, whatever runs these tests."""
    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "TOKMETER_INJECTION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "injection.yaml"
    path.write_text("image: registry.example/tokmeter:1.0\n")
    return path


def test_without_a_cluster_it_says_so(tokmeter: Callable[..., Outcome], settings: Path) -> None:
    ended = tokmeter("injector", "--settings", settings)

    assert ended.status == 1
    assert "error: this is not a pod of a cluster\n" in ended.err
    assert "--kubeconfig" in ended.err
    assert "Traceback" not in ended.err


def test_a_cluster_that_is_away_is_said(tokmeter: Callable[..., Outcome], settings: Path, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "
        "users: [{name: u, user: {}}], clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]}"
    )

    ended = tokmeter("injector", "--settings", settings, "--kubeconfig", kubeconfig)

    assert ended.status == 1
    assert "error: the API server cannot be reached" in ended.err
    assert "at: http://127.0.0.1:9\n" in ended.err


def test_settings_are_read_before_anything_is_asked(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    wrong = tmp_path / "injection.yaml"
    wrong.write_text("image: a\nimagee: b\n")

    ended = tokmeter("injector", "--settings", wrong)

    assert ended.status == 2
    assert "injection.yaml:2" in ended.err


def test_a_certificate_needs_its_key(tokmeter: Callable[..., Outcome], settings: Path, tmp_path: Path) -> None:
    ended = tokmeter("injector", "--settings", settings, "--tls-cert", tmp_path / "tls.crt")

    assert ended.status == 2
    assert "--tls-cert, --tls-key" in ended.err


@pytest.mark.parametrize("option", ["--listen", "--metrics"])
def test_an_address_that_is_none_names_its_option(
    tokmeter: Callable[..., Outcome], settings: Path, option: str
) -> None:
    ended = tokmeter("injector", "--settings", settings, option, "nowhere")

    assert ended.status == 2
    assert option in ended.err
