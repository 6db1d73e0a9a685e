"""The kernel's rules that bring a pod's connections to its sidecar, as text for nft. Loads nothing.

One table for both families: a rule for IPv4 alone would be a way out. Only what leaves the pod is looked at, so that
probes and servers are as they were. Pure: the same settings give the same text.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TABLE = "inet tokmeter"

type _Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Ruleset:
    """What to redirect, and what to leave alone."""

    to: int
    """Port of the proxy on the loopback address."""
    uid: int
    """User of the proxy, whose own connections must go out."""
    ports: tuple[int, ...]
    """TCP ports to redirect. The same ports of UDP are refused: over HTTP/3 a program would go round the proxy, and told so
    at once it falls back to TCP, where silence would cost it a time-out."""
    skip: tuple[str, ...] = ()
    """Networks to leave alone."""

    def rules(self) -> list[tuple[str, list[str]]]:
        """The chains, each with how it is hooked in and its rules in order."""
        alone = [f"meta skuid {self.uid} return", 'oifname "lo" return', *self._skipped()]
        ports = _set(sorted(set(self.ports)))
        return [
            ("type nat hook output priority -100", [*alone, f"tcp dport {ports} redirect to :{self.to}"]),
            ("type filter hook output priority 0", [*alone, f"udp dport {ports} reject"]),
        ]

    def text(self) -> str:
        """The whole of it, which replaces what was loaded before in one step."""
        lines = [f"table {TABLE} {{ }}", f"delete table {TABLE}", f"table {TABLE} {{"]
        for (hook, rules), name in zip(self.rules(), ("redirected", "refused"), strict=True):
            lines += [f"\tchain {name} {{", f"\t\t{hook}; policy accept;", *(f"\t\t{rule}" for rule in rules), "\t}"]
        return "\n".join([*lines, "}", ""])

    def absent(self, listing: str) -> list[str]:
        """What of the rules is not in `listing`, which `nft --numeric list table` printed."""
        chains = [_chain(body) for body in re.findall(r"chain [^{]*\{(.*?)\n\t\}", listing, re.DOTALL)]
        lacking: list[str] = []
        for hook, rules in self.rules():
            found = next((lines for lines in chains if lines and lines[0].startswith(hook)), None)
            if found is None:
                lacking.append(hook)
            elif found[1:] != rules:
                # A rule before ours may let everything pass: the chain is what was loaded, or it is not.
                lacking += [rule for rule in rules if rule not in found] or [
                    f"{hook}: these rules alone, in their order"
                ]
        return lacking

    def _skipped(self) -> list[str]:
        networks = [ipaddress.ip_network(cidr) for cidr in self.skip]
        four = ipaddress.collapse_addresses(net for net in networks if isinstance(net, ipaddress.IPv4Network))
        six = ipaddress.collapse_addresses(net for net in networks if isinstance(net, ipaddress.IPv6Network))
        rules = (("ip", _shown(four)), ("ip6", _shown(six)))
        return [f"{family} daddr {_set(addresses)} return" for family, addresses in rules if addresses]


def _shown(networks: Iterable[_Network]) -> list[str]:
    """As nft prints them: a host without its mask."""
    return [str(net.network_address) if net.num_addresses == 1 else str(net) for net in networks]


def _set(members: Sequence[object]) -> str:
    return str(members[0]) if len(members) == 1 else f"{{ {', '.join(map(str, members))} }}"


def _chain(body: str) -> list[str]:
    """The lines of a printed chain, as they are written here."""
    # Long sets are printed over several lines.
    joined = re.sub(r",\s*\n\s*", ", ", body)
    lines = [re.sub(r"\s+", " ", line).strip() for line in joined.splitlines()]
    return [re.sub(r" reject with .*", " reject", line) for line in lines if line]
