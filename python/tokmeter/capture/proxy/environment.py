"""The environment that sends an unmodified program through the proxy and lets it trust what it meets there.

Owns the names of the variables, runtime by runtime. A value that the program already has is never replaced unseen.
Not set on purpose: SSL_CERT_DIR (OpenSSL wants hashed names there), and the variables of git, pip and cargo, whose
hosts are passed through unread.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tokmeter.capture.proxy.trust import TRUSTSTORE_PASSWORD, TrustFiles

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

_LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Conflict:
    """A variable that the program already has with a value of its own."""

    name: str
    value: str
    wanted: str
    replaced: bool


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables to set, and what stood in their way."""

    variables: dict[str, str]
    conflicts: list[Conflict]


def existing_roots(existing: Mapping[str, str]) -> dict[str, Path]:
    """The readable root files a program already names, by variable: give them to `write_trust`, so that nothing is lost."""
    names = (*BUNDLE_VARIABLES, *ADDED_CERTIFICATE_VARIABLES)
    paths = {name: Path(existing[name]) for name in names if existing.get(name)}
    return {name: path for name, path in paths.items() if path.is_file()}


def environment(
    proxy_url: str,
    files: TrustFiles,
    *,
    existing: Mapping[str, str],
    metered_hosts: Sequence[str] = (),
    merged: Collection[str] = (),
    replace: bool = False,
) -> Environment:
    """The variables for a program that has the variables `existing`.

    `metered_hosts` are taken off the list of hosts that need no proxy. `merged` names variables whose files are part
    of the bundle, so that pointing them at it loses nothing. Other values of the program's own are kept, or with
    `replace` replaced, and reported either way.
    """
    wanted: dict[str, str] = {}
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        wanted[name] = wanted[name.lower()] = proxy_url
    wanted |= dict.fromkeys(BUNDLE_VARIABLES, str(files.bundle))
    wanted["NODE_EXTRA_CA_CERTS"] = wanted["DENO_CERT"] = str(files.certificate)
    wanted["NODE_USE_ENV_PROXY"] = "1"

    variables: dict[str, str] = {}
    conflicts: list[Conflict] = []
    for name, value in wanted.items():
        present = existing.get(name)
        if present and present != value and name not in merged:
            conflicts.append(Conflict(name, present, value, replace))
            if not replace:
                continue
        variables[name] = str(files.bundle) if name in merged else value

    for name in ("NO_PROXY", "no_proxy"):
        exempt, conflict = _exempt(name, existing, metered_hosts, replace=replace)
        variables[name] = ",".join(exempt)
        conflicts.extend(conflict)
    variables["NODE_OPTIONS"] = _appended(existing.get("NODE_OPTIONS"), _quoted(f"--require={files.preload}"))
    variables["JAVA_TOOL_OPTIONS"] = _appended(existing.get("JAVA_TOOL_OPTIONS"), _java(proxy_url, files))
    return Environment(variables, conflicts)


def _exempt(
    name: str, existing: Mapping[str, str], metered: Sequence[str], *, replace: bool
) -> tuple[list[str], list[Conflict]]:
    """Hosts that need no proxy: the program's own and this machine, without the metered ones."""
    present = existing.get(name) or existing.get(name.swapcase(), "")
    own = [host.strip() for host in present.split(",") if host.strip()]
    spoiled = [host for host in own if _exempts(host, metered)]
    kept = [host for host in own if host not in spoiled] if replace else own
    local = [host for host in _LOCAL if not _exempts(host, metered)]
    conflicts = [Conflict(name, present, "no exemption of metered hosts", replace)] if spoiled else []
    return list(dict.fromkeys((*kept, *local))), conflicts


def _exempts(entry: str, metered: Sequence[str]) -> bool:
    """Whether the NO_PROXY `entry` keeps a metered host away from the proxy."""
    suffix = entry.lower().removeprefix("*").removeprefix(".")
    names = [host.lower().removeprefix(".") for host in metered]
    return entry == "*" or any(name == suffix or name.endswith(f".{suffix}") for name in names)


def _appended(present: str | None, option: str) -> str:
    if present and option in present:
        return present
    return f"{present} {option}" if present else option


def _quoted(text: str) -> str:
    """`text` as one word of NODE_OPTIONS."""
    return f'"{text}"' if " " in text else text


def _java(proxy_url: str, files: TrustFiles) -> str:
    url = urlsplit(proxy_url)
    options = {
        "javax.net.ssl.trustStore": str(files.truststore),
        "javax.net.ssl.trustStoreType": "PKCS12",
        "javax.net.ssl.trustStorePassword": TRUSTSTORE_PASSWORD,
    }
    for scheme in ("http", "https"):
        options[f"{scheme}.proxyHost"] = url.hostname or ""
        options[f"{scheme}.proxyPort"] = str(url.port or 80)
    return " ".join(f"-D{name}={value}" for name, value in options.items())
