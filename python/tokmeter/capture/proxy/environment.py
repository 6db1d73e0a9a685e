"""The environment that sends an unmodified program through the proxy and lets it trust what it meets there.

Owns what happens where the program already has a value: it is never replaced unseen. The variables themselves are
`tokmeter.variables`' to know.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokmeter.capture.proxy.trust import TrustFiles
from tokmeter.variables import (
    ADDED_CERTIFICATE_VARIABLES,
    BUNDLE_VARIABLES,
    LOCAL,
    TrustPaths,
    java_proxy,
    java_trust,
    node_preload,
    proxy_variables,
    trust_variables,
)


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
    paths = TrustPaths(str(files.bundle), str(files.certificate), str(files.truststore), str(files.preload))
    wanted = proxy_variables(proxy_url) | trust_variables(paths)

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
    variables["NODE_OPTIONS"] = _appended(existing.get("NODE_OPTIONS"), node_preload(paths))
    java = " ".join((*java_trust(paths), *java_proxy(proxy_url)))
    variables["JAVA_TOOL_OPTIONS"] = _appended(existing.get("JAVA_TOOL_OPTIONS"), java)
    return Environment(variables, conflicts)


def _exempt(
    name: str, existing: Mapping[str, str], metered: Sequence[str], *, replace: bool
) -> tuple[list[str], list[Conflict]]:
    """Hosts that need no proxy: the program's own and this machine, without the metered ones."""
    present = existing.get(name) or existing.get(name.swapcase(), "")
    own = [host.strip() for host in present.split(",") if host.strip()]
    spoiled = [host for host in own if _exempts(host, metered)]
    kept = [host for host in own if host not in spoiled] if replace else own
    local = [host for host in LOCAL if not _exempts(host, metered)]
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
