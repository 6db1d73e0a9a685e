"""The rules as text, and telling from a listing whether they are loaded."""

from __future__ import annotations

import re

from tokmeter.inject.ruleset import Ruleset

RULES = Ruleset(
    to=15401, uid=1338, ports=(8443, 443, 443), skip=("10.0.0.0/9", "10.128.0.0/9", "192.0.2.7/32", "fd00::/8")
)


def listing(rules: Ruleset) -> str:
    """As nft prints what was loaded."""
    body = rules.text().partition("\n")[2].partition("\n")[2]
    return body.replace("\t}\n\tchain", "\t}\n\n\tchain").replace(" reject\n", " reject with icmpx port-unreachable\n")


def test_both_families_are_in_one_table() -> None:
    text = RULES.text()

    assert text.splitlines()[:3] == ["table inet tokmeter { }", "delete table inet tokmeter", "table inet tokmeter {"]
    assert "tcp dport { 443, 8443 } redirect to :15401" in text
    assert "udp dport { 443, 8443 } reject" in text
    # Networks that touch are one: a set must not overlap.
    assert "ip daddr { 10.0.0.0/8, 192.0.2.7 } return" in text
    assert "ip6 daddr fd00::/8 return" in text


def test_the_proxy_and_the_loopback_come_first() -> None:
    for _, rules in RULES.rules():
        assert rules[:2] == ["meta skuid 1338 return", 'oifname "lo" return']
        assert rules[-1].startswith(("tcp", "udp"))


def test_nothing_to_skip_is_no_rule() -> None:
    assert "daddr" not in Ruleset(to=1, uid=2, ports=(443,)).text()


def test_what_is_loaded_is_found() -> None:
    assert RULES.absent(listing(RULES)) == []


def test_long_sets_over_several_lines_are_found() -> None:
    wrapped = re.sub(r"10\.0\.0\.0/8, ", "10.0.0.0/8,\n\t\t\t     ", listing(RULES))

    assert RULES.absent(wrapped) == []


def test_what_is_not_loaded_is_named() -> None:
    assert RULES.absent("") == ["type nat hook output priority -100", "type filter hook output priority 0"]
    other = Ruleset(to=15402, uid=1338, ports=(443, 8443), skip=RULES.skip)
    assert RULES.absent(listing(other)) == ["tcp dport { 443, 8443 } redirect to :15401"]


def test_a_rule_of_somebody_else_s_in_the_chain_is_told() -> None:
    changed = listing(RULES).replace("\t\tmeta skuid 1338 return\n", "\t\taccept\n\t\tmeta skuid 1338 return\n", 1)

    (told,) = RULES.absent(changed)

    assert "these rules alone" in told
