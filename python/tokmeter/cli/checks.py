"""What `tokmeter doctor` looks at, one function a check. Reads only."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import ssl
import sys
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import ClassVar

from tokmeter.cli.options import configured_ledger, configured_listen
from tokmeter.clock import now_ns
from tokmeter.config import Config, load, tokenizers
from tokmeter.config.address import address
from tokmeter.config.core import upstreams
from tokmeter.config.load import TEXT_VARIABLE
from tokmeter.errors import TokmeterError
from tokmeter.state import StateDirectory

PYTHON_MIN = (3, 12)
MITMPROXY_MIN, MITMPROXY_END = (12, 2), (13,)
CLOCK_MIN_YEAR = 2026
EXPIRES_SOON_DAYS = 30
TRUST_VARIABLES = (
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NODE_EXTRA_CA_CERTS",
    "AWS_CA_BUNDLE",
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    "DENO_CERT",
)
BASE_URL = "base-url"
PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check."""

    OK: ClassVar = "ok"
    NOTICE: ClassVar = "notice"
    """Nothing is wrong, yet worth knowing."""
    FAILED: ClassVar = "failed"

    name: str
    result: str
    found: str
    advice: str = ""

    def values(self) -> dict[str, str]:
        """The fields by name."""
        return asdict(self)


def checks(config: Path | None, environ: Mapping[str, str]) -> Iterator[Check]:
    """Every check, in order."""
    yield _python()
    yield _mitmproxy()
    yield _core()
    loaded, outcome = _config(config, environ)
    yield outcome
    if loaded.tokenizers:
        yield _tokenizers(loaded)
    if loaded.proxy.mode == BASE_URL:
        yield _base_urls(loaded)
    else:
        authority = StateDirectory(environ).authority if loaded.proxy.ca_dir is None else Path(loaded.proxy.ca_dir)
        yield _authority(authority / "mitmproxy-ca.pem")
    yield _trust(environ)
    yield _proxy_variables(environ)
    yield _ledger(configured_ledger(loaded, environ))
    for listen in configured_listen(loaded):
        yield _port("proxy port", listen)
    yield _port("metrics port", loaded.metrics.listen)
    yield _redirect()
    yield _tracer()
    yield _clock()
    yield _zones()


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < PYTHON_MIN:
        return Check("python", Check.FAILED, found, "install Python 3.12 or newer")
    return Check("python", Check.OK, found)


def _mitmproxy() -> Check:
    try:
        found = version("mitmproxy")
    except PackageNotFoundError:
        return Check("mitmproxy", Check.FAILED, "not installed", "install tokmeter with its dependencies")
    numbers = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if not MITMPROXY_MIN <= numbers < MITMPROXY_END:
        return Check("mitmproxy", Check.FAILED, found, "install mitmproxy>=12.2,<13")
    return Check("mitmproxy", Check.OK, found)


def _core() -> Check:
    try:
        from tokmeter._core import PriceBook

        return Check("native core", Check.OK, f"prices: {PriceBook.embedded().version}")
    except (ImportError, ValueError) as reason:
        return Check("native core", Check.FAILED, str(reason), "reinstall tokmeter for this Python and platform")


def _config(path: Path | None, environ: Mapping[str, str]) -> tuple[Config, Check]:
    """The configuration, or the defaults where it cannot be used, so that the other checks still run."""
    try:
        loaded = load(path, environ)
    except TokmeterError as error:
        return load(None), Check(
            "configuration", Check.FAILED, error.what, f"{error.where}: {error.hint or ''}".strip(": ")
        )
    named = str(path) if path else TEXT_VARIABLE if environ.get(TEXT_VARIABLE) else "defaults; no file was named"
    return loaded, Check("configuration", Check.OK, named)


def _tokenizers(config: Config) -> Check:
    try:
        found = {tokenizer.name: None for _, tokenizer in tokenizers(config)}
    except TokmeterError as error:
        return Check("tokenizers", Check.FAILED, error.what, f"{error.where}: {error.hint}")
    return Check("tokenizers", Check.OK, ", ".join(found))


def _base_urls(config: Config) -> Check:
    """What may stand behind the proxy's address; the providers of the configuration with where they are."""
    name, own = "base URLs", upstreams(config)
    try:
        from tokmeter.capture.proxy.upstreams import Upstreams

        known = len(Upstreams(own).names)
    except (TokmeterError, ImportError) as error:
        return Check(name, Check.FAILED, str(error), "see providers of the configuration")
    listed = ", ".join(f"/{provider} is {origin}" for provider, origin in own.items()) or "all built in"
    return Check(name, Check.OK, f"http://{configured_listen(config)[0]}/PROVIDER, {known} providers; {listed}")


def _authority(path: Path) -> Check:
    name = "authority"
    if not path.exists():
        return _may_be_made(name, path, "not made yet; the first run makes it")
    try:
        from cryptography import x509

        certificates = x509.load_pem_x509_certificates(path.read_bytes())
        ends = min(certificate.not_valid_after_utc for certificate in certificates)
    except (OSError, ValueError) as reason:
        why = reason.strerror if isinstance(reason, OSError) else "holds no certificates in PEM"
        return Check(name, Check.FAILED, f"{path}: {why}", "make it readable, or move it away; a new one is made then")
    left = (ends - datetime.fromtimestamp(now_ns() // 10**9, UTC)).days
    if left < EXPIRES_SOON_DAYS:
        return Check(
            name, Check.NOTICE, f"{path} ends in {left} days", "the next start makes a new one; clients must trust it"
        )
    if path.stat().st_mode & 0o077:
        return Check(name, Check.NOTICE, f"{path} is readable by others", f"chmod 600 {path}")
    return Check(name, Check.OK, f"{path}, {left} days left")


def _trust(environ: Mapping[str, str]) -> Check:
    """Trust variables of this shell: a run merges readable ones into its own bundle."""
    present = {name: environ[name] for name in TRUST_VARIABLES if environ.get(name)}
    missing = {name: path for name, path in present.items() if not os.access(path, os.R_OK)}
    if missing:
        named = ", ".join(f"{name}={path}" for name, path in missing.items())
        return Check("trust variables", Check.FAILED, f"not readable: {named}", "unset them, or name readable files")
    for name, path in present.items():
        if Path(path).is_file() and not _holds_certificates(path):
            return Check("trust variables", Check.FAILED, f"{name}={path} holds no certificate", "name a file in PEM")
    return Check("trust variables", Check.OK, ", ".join(present) or "none set")


def _holds_certificates(path: str) -> bool:
    try:
        ssl.create_default_context(cafile=path)
    except (OSError, ssl.SSLError):
        return False
    return True


def _proxy_variables(environ: Mapping[str, str]) -> Check:
    present = [f"{name}={environ[name]}" for name in PROXY_VARIABLES if environ.get(name)]
    if present:
        advice = "`tokmeter run` replaces these for its command and connects to providers directly"
        return Check("proxy variables", Check.NOTICE, ", ".join(present), advice)
    return Check("proxy variables", Check.OK, "none set")


def _ledger(path: Path) -> Check:
    if not path.exists():
        return _may_be_made("ledger", path, "not made yet; the first run makes it")
    from tokmeter.store.sqlite import SqliteReader

    try:
        SqliteReader.open(path).close()
    except TokmeterError as error:
        return Check("ledger", Check.FAILED, f"{error.what}: {path}", error.hint or "")
    if not os.access(path, os.W_OK):
        return Check("ledger", Check.FAILED, f"{path} is not writable", "give its owner's permissions, or another path")
    return Check("ledger", Check.OK, str(path))


def _may_be_made(name: str, path: Path, found: str) -> Check:
    """Whether a file that is not there could be made, judged by the nearest directory that is."""
    nearest = next(parent for parent in path.parents if parent.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        return Check(name, Check.FAILED, f"{nearest} is not writable", "name another place in the configuration")
    return Check(name, Check.OK, found)


def _port(name: str, text: str) -> Check:
    at = address(text, port_zero=True)
    family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((at.host, at.port))
        except OSError as reason:
            if reason.errno == errno.EADDRINUSE:
                return Check(
                    name, Check.FAILED, f"{text} is in use", "is tokmeter running already? else name another port"
                )
            return Check(name, Check.FAILED, f"{text}: {reason.strerror}", "name another address in the configuration")
    return Check(name, Check.OK, f"{text} is free")


def _redirect() -> Check:
    """Transparent mode alone needs these."""
    found = [
        tool for tool in ("nft", "iptables") if shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    ]
    if found:
        return Check("redirect", Check.OK, ", ".join(found))
    advice = "transparent mode needs nftables; `tokmeter run` and proxy variables do not"
    return Check("redirect", Check.NOTICE, "neither nft nor iptables", advice)


def _tracer() -> Check:
    """Whether `tokmeter watch` can trace here. Loads nothing into the kernel."""
    from tokmeter.capture.ebpf.kernel import check_platform

    try:
        check_platform()
    except TokmeterError as error:
        return Check("tracer", Check.NOTICE, error.what, f"only `tokmeter watch` needs it: {error.hint}")
    return Check("tracer", Check.OK, "this kernel is one it is made for")


def _clock() -> Check:
    now = datetime.fromtimestamp(now_ns() // 10**9, UTC)
    found = now.strftime("%Y-%m-%d %H:%M:%SZ")
    if now.year < CLOCK_MIN_YEAR:
        return Check(
            "clock", Check.FAILED, found, "set the clock: budget windows, prices and certificates depend on it"
        )
    return Check("clock", Check.OK, found)


def _zones() -> Check:
    if zoneinfo.available_timezones():
        return Check("time zones", Check.OK, "known")
    return Check("time zones", Check.NOTICE, "none are installed", "install tzdata; the core knows its own meanwhile")
