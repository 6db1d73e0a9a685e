"""What `tokmeter doctor` looks at."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Outcome

from tokmeter.cli import checks
from tokmeter.cli.checks import Check

ROOTS = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"XDG_STATE_HOME": str(tmp_path / "state")}


def by_name(config: Path | None, environ: dict[str, str]) -> dict[str, Check]:
    return {check.name: check for check in checks.checks(config, environ)}


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "tokmeter.yaml"
    path.write_text(text)
    return path


def test_a_fresh_machine_passes(tmp_path: Path, environ: dict[str, str]) -> None:
    free = config(tmp_path, "proxy: {listen: '127.0.0.1:0'}\nmetrics: {listen: '127.0.0.1:0'}\n")

    failed = [check for check in checks.checks(free, environ) if check.result == Check.FAILED]

    assert failed == []


def test_a_broken_configuration_is_told_with_its_place_and_the_rest_is_checked(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    found = by_name(config(tmp_path, "servise: x\n"), environ)

    assert found["configuration"].result == Check.FAILED
    assert "tokmeter.yaml" in found["configuration"].advice
    assert "clock" in found


@pytest.mark.parametrize("name", ROOTS)
def test_a_trust_variable_that_names_nothing_fails(environ: dict[str, str], name: str) -> None:
    check = by_name(None, environ | {name: "/nowhere/ca.pem"})["trust variables"]

    assert check.result == Check.FAILED
    assert f"{name}=/nowhere/ca.pem" in check.found


def test_a_trust_variable_without_a_certificate_fails(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "ca.pem").write_text("nothing")

    check = by_name(None, environ | {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})["trust variables"]

    assert check.result == Check.FAILED
    assert "holds no certificate" in check.found


def test_a_present_proxy_is_worth_knowing(environ: dict[str, str]) -> None:
    check = by_name(None, environ | {"https_proxy": "http://proxy.corp:3128"})["proxy variables"]

    assert check.result == Check.NOTICE
    assert "proxy.corp" in check.found


def test_a_port_in_use_fails(tmp_path: Path, environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = by_name(config(tmp_path, f"proxy: {{listen: '127.0.0.1:{port}'}}\n"), environ)

    assert found["proxy port"].result == Check.FAILED
    assert f"127.0.0.1:{port} is in use" in found["proxy port"].found


def test_an_authority_that_cannot_be_read_fails(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca" / "mitmproxy-ca.pem").write_text("damaged")

    found = by_name(config(tmp_path, f"proxy: {{ca_dir: {tmp_path}/ca}}\n"), environ)

    assert found["authority"].result == Check.FAILED
    assert found["authority"].found == f"{tmp_path}/ca/mitmproxy-ca.pem: holds no certificates in PEM"


def test_base_urls_need_no_authority_and_are_named(tmp_path: Path, environ: dict[str, str]) -> None:
    own = "[{host: 'llm.internal:8000', dialect: openai, name: vllm, tls: false}]"
    found = by_name(config(tmp_path, f"proxy: {{mode: base-url}}\nproviders: {own}\n"), environ)

    assert "authority" not in found
    assert found["base URLs"].result == Check.OK
    assert found["base URLs"].found.startswith("http://127.0.0.1:15401/PROVIDER, ")
    assert "/vllm is http://llm.internal:8000" in found["base URLs"].found


def test_a_foreign_ledger_fails(tmp_path: Path, environ: dict[str, str]) -> None:
    (tmp_path / "ledger.db").write_text("this is a diary, not a database\n" * 100)

    found = by_name(config(tmp_path, f"store: sqlite://{tmp_path}/ledger.db\n"), environ)

    assert found["ledger"].result == Check.FAILED
    assert str(tmp_path) in found["ledger"].found


def test_the_command_prints_and_fails(tokmeter: Callable[..., Outcome], tmp_path: Path) -> None:
    broken = config(tmp_path, "servise: x\n")

    outcome = tokmeter("doctor", "--json", "--config", broken)
    found = {check["name"]: check for check in json.loads(outcome.out)}
    assert outcome.status == 1
    assert set(found["python"]) == {"name", "result", "found", "advice"}
    assert found["configuration"]["result"] == "failed"

    words = tokmeter("doctor", "--config", broken)
    assert words.status == 1
    assert "configuration: " in words.out


def test_vocabularies_of_the_configuration_are_tried(tmp_path: Path, environ: dict[str, str]) -> None:
    own = tmp_path / "own.model"
    named = config(tmp_path, f"tokenizers: [{{models: [a], file: {own}, pattern: llama3}}]")

    missing = by_name(named, environ)["tokenizers"]
    own.write_bytes(b"".join(b"%s %d\n" % (b64encode(bytes([byte])), byte) for byte in range(256)))
    found = by_name(named, environ)["tokenizers"]

    assert (missing.result, missing.found) == (Check.FAILED, "no such tokenizer file")
    assert str(own) in missing.advice
    assert (found.result, found.found) == (Check.OK, "own.model")
    assert "tokenizers" not in by_name(None, environ)


def test_where_nothing_can_be_traced_that_is_a_notice(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    check = by_name(None, environ)["tracer"]

    assert check.result == Check.NOTICE
    assert "only `tokmeter watch` needs it" in check.advice
