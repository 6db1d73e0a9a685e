"""The environment variables by which unmodified programs find the proxy and trust it, runtime by runtime.

Owns names and values. Refuses to know files and processes, and what to do where a program has a value of its own.
Not among them on purpose: SSL_CERT_DIR (OpenSSL wants hashed names there), and the variables of git, pip and cargo, whose
hosts are passed through unread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

BUNDLE_VARIABLES = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
    "HTTPLIB2_CA_CERTS",
    "NIX_SSL_CERT_FILE",
)
"""Each names a file that replaces the runtime's own roots, so it must hold all of them."""

ADDED_CERTIFICATE_VARIABLES = ("NODE_EXTRA_CA_CERTS", "DENO_CERT")
"""Each names a certificate that is added to the runtime's own roots."""

BUNDLE, CERTIFICATE, TRUSTSTORE, PRELOAD = "bundle.pem", "ca.pem", "truststore.p12", "tokmeter-proxy.cjs"
"""Names of the trust files in their directory."""

TRUSTSTORE_PASSWORD: Final = "changeit"  # noqa: S105 - Java's customary one; the store holds public certificates only
"""Password of the Java truststore."""

BASE_URL_VARIABLES = {
    "OPENAI_BASE_URL": "/openai/v1",
    "ANTHROPIC_BASE_URL": "/anthropic",
    "GOOGLE_GEMINI_BASE_URL": "/gemini",
    "GROQ_BASE_URL": "/groq",
    "CO_API_URL": "/cohere",
    "TOGETHER_BASE_URL": "/together/v1",
}
"""What the providers' clients read instead of their own base URL, and what it ends in: a provider, and that part of a path
which the client expects there."""

LOCAL = ("localhost", "127.0.0.1", "::1")
"""Hosts that need no proxy: this machine."""


@dataclass(frozen=True, slots=True)
class TrustPaths:
    """Where the program sees the trust files."""

    bundle: str
    certificate: str
    truststore: str
    preload: str

    @classmethod
    def under(cls, directory: str) -> "TrustPaths":
        """The files by their names in `directory`."""
        return cls(*(f"{directory}/{name}" for name in (BUNDLE, CERTIFICATE, TRUSTSTORE, PRELOAD)))


def trust_variables(paths: TrustPaths) -> dict[str, str]:
    """What makes a program trust the proxy, apart from Java's options."""
    wanted = dict.fromkeys(BUNDLE_VARIABLES, paths.bundle)
    return wanted | dict.fromkeys(ADDED_CERTIFICATE_VARIABLES, paths.certificate)


def proxy_variables(url: str, schemes: Sequence[str] = ("http", "https")) -> dict[str, str]:
    """What sends traffic of `schemes` to the proxy at `url`, apart from Java's and Node's options and from NO_PROXY."""
    names = [f"{scheme.upper()}_PROXY" for scheme in schemes]
    return {cased: url for name in names for cased in (name, name.lower())} | {"NODE_USE_ENV_PROXY": "1"}


def base_url_variables(url: str) -> dict[str, str]:
    """What sends the calls of providers' clients to the proxy at `url`, which serves base URLs."""
    return {name: url + path for name, path in BASE_URL_VARIABLES.items()}


def java_trust(paths: TrustPaths) -> list[str]:
    """Options of JAVA_TOOL_OPTIONS that make Java trust the proxy."""
    return [
        f"-Djavax.net.ssl.trustStore={paths.truststore}",
        "-Djavax.net.ssl.trustStoreType=PKCS12",
        f"-Djavax.net.ssl.trustStorePassword={TRUSTSTORE_PASSWORD}",
    ]


def java_proxy(url: str, schemes: Sequence[str] = ("http", "https")) -> list[str]:
    """Options of JAVA_TOOL_OPTIONS that send Java's traffic of `schemes` to the proxy at `url`."""
    parts = urlsplit(url)
    return [
        option
        for scheme in schemes
        for option in (f"-D{scheme}.proxyHost={parts.hostname or ''}", f"-D{scheme}.proxyPort={parts.port or 80}")
    ]


def node_preload(paths: TrustPaths) -> str:
    """The option of NODE_OPTIONS that lets Node releases without proxy support use it, as one word."""
    option = f"--require={paths.preload}"
    return f'"{option}"' if " " in option else option
