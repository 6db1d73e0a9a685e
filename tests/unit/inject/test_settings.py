"""The file of the injector: strict, with a place and a hint for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.inject.pods import SETTINGS
from tokmeter.errors import ConfigError
from tokmeter.inject import load_injection, parse_injection


def test_an_image_is_enough(tmp_path: Path) -> None:
    file = tmp_path / "injection.yaml"
    file.write_text("image: registry.example/tokmeter:1.0\n")

    found = load_injection(file)

    assert (found.profile, found.native_sidecar, found.ports, found.uid) == ("auto", "auto", (443,), 1338)
    assert (found.proxy_port, found.metrics_port) == (15401, 15490)
    assert "kube-system" in found.excluded_namespaces


@pytest.mark.parametrize(
    ("more", "where", "what"),
    [
        ("prots: [443]", "key prots", "unknown key"),
        ("ports: []", "key ports", "must hold"),
        ("ports: [0]", "key ports[0]", "is not a port"),
        ("ports: [15401]", "key ports", "the proxy's own port"),
        ("proxy_port: 443", "key proxy_port", "ordinary user"),
        ("metrics_port: 15401", "key metrics_port", "the proxy's own port"),
        ("uid: 0", "key uid", "ordinary user"),
        ("native_sidecar: true", "key native_sidecar", "must be one of"),
        ("excluded_namespaces: [Kube_System]", "key excluded_namespaces[0]", "is not the name"),
        ("resources: {requests: {memory: lots}}", "key resources.requests.memory", "is no amount"),
        ("image_pull_policy: always", "key image_pull_policy", "must be one of"),
    ],
)
def test_a_mistake_is_told_with_its_key(more: str, where: str, what: str) -> None:
    with pytest.raises(ConfigError, match=what) as caught:
        parse_injection(f"{SETTINGS}{more}\n", "injection.yaml")

    assert (caught.value.where or "").startswith("injection.yaml:")
    assert (caught.value.where or "").endswith(where)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("image: 'a b'", "1, key image"),
        ("image: a\nskip_cidrs: [10.0.0.1/8]", "2, key skip_cidrs[0]"),
        ("image: a\ndefault_budgets: [none]", "2, key default_budgets[0]"),
        ("image: a\nbudgets:\n  - {name: b, limit: {usd: -1}, window: {period: day}}", "3, key budgets[0].limit.usd"),
        (
            "image: a\nbudgets:\n  - {name: b, limit: {usd: 1}, window: {period: day}, scope: {pod: 'a*b'}}",
            "3, key budgets[0]",
        ),
        ("image: a\nconfiguration:\n  store: sqlite:///a", "3, key configuration.store"),
        ("image: a\nconfiguration:\n  proxy:\n    listen: 1.2.3.4:5", "4, key configuration.proxy.listen"),
        ("image: a\nconfiguration:\n  proxy: {drain_s: -1}", "3, key configuration.proxy.drain_s"),
        (
            "image: a\nconfiguration:\n  providers:\n    - {host: api.opnai.com, connect_to: 'a:1'}",
            "4, key configuration.providers[0].host",
        ),
        ("ports: [443]", "1"),
    ],
)
def test_what_the_sidecar_would_refuse_is_refused_here(text: str, where: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_injection(text, "injection.yaml")

    assert caught.value.where == f"injection.yaml:{where}"
