"""The environment of a program behind the proxy, and what stands in its way."""

from pathlib import Path

import pytest

from tokmeter.capture.proxy.environment import environment, existing_roots
from tokmeter.capture.proxy.trust import TrustFiles
from tokmeter.variables import BUNDLE_VARIABLES

PROXY = "http://127.0.0.1:15080"
FILES = TrustFiles(
    bundle=Path("/t/bundle.pem"),
    certificate=Path("/t/ca.pem"),
    truststore=Path("/t/truststore.p12"),
    preload=Path("/t/tokmeter-proxy.cjs"),
)


def test_a_bare_program_gets_everything() -> None:
    found = environment(PROXY, FILES, existing={})
    assert found.conflicts == []
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        assert found.variables[name] == PROXY
    assert {found.variables[name] for name in BUNDLE_VARIABLES} == {"/t/bundle.pem"}
    assert found.variables["NODE_EXTRA_CA_CERTS"] == found.variables["DENO_CERT"] == "/t/ca.pem"
    assert found.variables["NODE_USE_ENV_PROXY"] == "1"
    assert found.variables["NODE_OPTIONS"] == "--require=/t/tokmeter-proxy.cjs"
    assert found.variables["NO_PROXY"] == found.variables["no_proxy"] == "localhost,127.0.0.1,::1"
    java = found.variables["JAVA_TOOL_OPTIONS"].split()
    assert "-Djavax.net.ssl.trustStore=/t/truststore.p12" in java
    assert {"-Dhttps.proxyHost=127.0.0.1", "-Dhttps.proxyPort=15080"} <= set(java)
    assert "SSL_CERT_DIR" not in found.variables


def test_a_value_of_the_programs_own_is_kept_and_reported() -> None:
    found = environment(PROXY, FILES, existing={"HTTPS_PROXY": "http://corp:3128", "SSL_CERT_FILE": "/corp.pem"})
    assert "HTTPS_PROXY" not in found.variables
    assert "SSL_CERT_FILE" not in found.variables
    assert [(c.name, c.value, c.replaced) for c in found.conflicts] == [
        ("HTTPS_PROXY", "http://corp:3128", False),
        ("SSL_CERT_FILE", "/corp.pem", False),
    ]


def test_a_replaced_value_is_reported_too() -> None:
    found = environment(PROXY, FILES, existing={"HTTPS_PROXY": "http://corp:3128"}, replace=True)
    assert found.variables["HTTPS_PROXY"] == PROXY
    assert [(c.name, c.wanted, c.replaced) for c in found.conflicts] == [("HTTPS_PROXY", PROXY, True)]


def test_our_own_values_are_no_conflict() -> None:
    first = environment(PROXY, FILES, existing={})
    second = environment(PROXY, FILES, existing=first.variables)
    assert second.conflicts == []
    assert second.variables == first.variables


def test_roots_merged_into_the_bundle_are_replaced_without_conflict(tmp_path: Path) -> None:
    own = tmp_path / "own.pem"
    own.write_text("")
    existing = {"SSL_CERT_FILE": str(own), "NODE_EXTRA_CA_CERTS": str(own), "CURL_CA_BUNDLE": "/missing.pem"}
    merged = existing_roots(existing)
    assert merged == {"SSL_CERT_FILE": own, "NODE_EXTRA_CA_CERTS": own}
    found = environment(PROXY, FILES, existing=existing, merged=merged)
    assert found.variables["SSL_CERT_FILE"] == "/t/bundle.pem"
    assert found.variables["NODE_EXTRA_CA_CERTS"] == "/t/bundle.pem"
    assert [conflict.name for conflict in found.conflicts] == ["CURL_CA_BUNDLE"]


def test_options_are_added_to_those_that_are_there() -> None:
    existing = {"NODE_OPTIONS": "--max-old-space-size=512", "JAVA_TOOL_OPTIONS": "-Xmx1g"}
    found = environment(PROXY, FILES, existing=existing)
    assert found.variables["NODE_OPTIONS"] == "--max-old-space-size=512 --require=/t/tokmeter-proxy.cjs"
    assert found.variables["JAVA_TOOL_OPTIONS"].startswith("-Xmx1g -Djavax.net.ssl.trustStore=")


def test_hosts_that_need_no_proxy_are_kept_and_joined() -> None:
    found = environment(PROXY, FILES, existing={"NO_PROXY": "corp.test, 10.0.0.0/8"})
    assert found.variables["NO_PROXY"] == "corp.test,10.0.0.0/8,localhost,127.0.0.1,::1"
    assert found.conflicts == []


def test_a_metered_host_on_this_machine_is_not_exempt() -> None:
    found = environment(PROXY, FILES, existing={}, metered_hosts=["localhost", ".openai.azure.com"])
    assert found.variables["NO_PROXY"] == "127.0.0.1,::1"


@pytest.mark.parametrize("entry", ["*", "openai.com", ".openai.com", "*.openai.com", "api.openai.com"])
def test_an_exemption_that_hides_a_metered_host_is_reported(entry: str) -> None:
    existing = {"NO_PROXY": f"corp.test,{entry}"}
    kept = environment(PROXY, FILES, existing=existing, metered_hosts=["api.openai.com"])
    assert entry in kept.variables["NO_PROXY"].split(",")
    assert {conflict.name for conflict in kept.conflicts} == {"NO_PROXY", "no_proxy"}
    replaced = environment(PROXY, FILES, existing=existing, metered_hosts=["api.openai.com"], replace=True)
    assert replaced.variables["NO_PROXY"] == "corp.test,localhost,127.0.0.1,::1"


def test_a_path_with_blanks_stays_one_word_for_node() -> None:
    files = TrustFiles(FILES.bundle, FILES.certificate, FILES.truststore, Path("/my dir/tokmeter-proxy.cjs"))
    found = environment(PROXY, files, existing={})
    assert found.variables["NODE_OPTIONS"] == '"--require=/my dir/tokmeter-proxy.cjs"'
