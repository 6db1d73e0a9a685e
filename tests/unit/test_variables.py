"""What programs are told of the proxy and of whom to trust."""

from tokmeter.variables import (
    ADDED_CERTIFICATE_VARIABLES,
    BUNDLE_VARIABLES,
    TrustPaths,
    base_url_variables,
    java_proxy,
    java_trust,
    node_preload,
    proxy_variables,
    trust_variables,
)

PATHS = TrustPaths.under("/t")


def test_every_runtime_is_pointed_at_the_file_that_it_reads() -> None:
    found = trust_variables(PATHS)

    assert {found[name] for name in BUNDLE_VARIABLES} == {"/t/bundle.pem"}
    assert {found[name] for name in ADDED_CERTIFICATE_VARIABLES} == {"/t/ca.pem"}
    # OpenSSL wants hashed names there, which nobody makes.
    assert "SSL_CERT_DIR" not in found
    assert "-Djavax.net.ssl.trustStore=/t/truststore.p12" in java_trust(PATHS)


def test_the_proxy_in_both_spellings_for_the_schemes_asked() -> None:
    assert set(proxy_variables("http://h:1", ("https",))) == {"HTTPS_PROXY", "https_proxy", "NODE_USE_ENV_PROXY"}
    assert {"HTTP_PROXY", "http_proxy"} <= set(proxy_variables("http://h:1"))
    assert java_proxy("http://h:1", ("https",)) == ["-Dhttps.proxyHost=h", "-Dhttps.proxyPort=1"]


def test_a_base_url_ends_in_what_its_client_expects_there() -> None:
    found = base_url_variables("http://h:1")

    # OpenAI's clients have the version in it, Anthropic's put it behind.
    assert found["OPENAI_BASE_URL"] == "http://h:1/openai/v1"
    assert found["ANTHROPIC_BASE_URL"] == "http://h:1/anthropic"


def test_a_path_with_spaces_is_one_word_for_node() -> None:
    assert node_preload(PATHS) == "--require=/t/tokmeter-proxy.cjs"
    assert node_preload(TrustPaths.under("/a b")) == '"--require=/a b/tokmeter-proxy.cjs"'
