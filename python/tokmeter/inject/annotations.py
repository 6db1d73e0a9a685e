"""What people ask for by labels and annotations, on a pod and on its namespace.

Owns their names, what each may hold, and which of the two wins. Refuses to know what is made of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from tokmeter.config.schema import MODES, Mode
from tokmeter.config.shape import closest
from tokmeter.inject import limits
from tokmeter.inject.outcome import Namespace, Reason, RefusedError
from tokmeter.inject.pod import Pod
from tokmeter.inject.settings import PORT_MAX, Injection, Profile, is_network

PREFIX = "tokmeter.io/"
INJECT = f"{PREFIX}inject"
"""Label, on a namespace or a pod: `enabled` or `disabled`. The pod's wins."""
MODE = f"{PREFIX}mode"
ENFORCE = f"{PREFIX}enforce"
FAIL = f"{PREFIX}fail"
PORTS = f"{PREFIX}ports"
SKIP_CIDRS = f"{PREFIX}skip-cidrs"
BUDGET = f"{PREFIX}budget"
BUDGETS = f"{PREFIX}budgets"
"""On a namespace: the budgets that its pods may choose from."""
STATUS = f"{PREFIX}status"
"""On a pod, written by the injector."""

_PROFILES: tuple[str, ...] = get_args(Profile.__value__)
_ENFORCE: dict[str, Mode] = {"off": "off", "shadow": "shadow", "on": "enforce"}
_FAIL = {"open": False, "closed": True}
_KNOWN = (MODE, ENFORCE, FAIL, PORTS, SKIP_CIDRS, BUDGET, STATUS)
"""Annotations of pods."""
_SHOWN_CHARS = 60


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was asked for, checked; None where nothing was."""

    profile: Profile | None
    mode: Mode | None
    fail_closed: bool | None
    ports: tuple[int, ...]
    """All ports to capture, rising."""
    skip_cidrs: tuple[str, ...]
    budgets: tuple[str, ...] | None
    allowed_budgets: tuple[str, ...] | None
    """The namespace's list."""


def requested(pod: Pod, namespace: Namespace) -> bool | None:
    """Whether a sidecar is asked for; None when nobody says. Raises `RefusedError` for a word that is neither."""
    for whose, labels in (("the pod", pod.labels), ("the namespace", namespace.labels)):
        word = labels.get(INJECT)
        if word is not None:
            if word not in {"enabled", "disabled"}:
                raise _invalid(INJECT, word, f"on {whose} is neither enabled nor disabled")
            return word == "enabled"
    if INJECT in pod.annotations:
        raise _invalid(INJECT, pod.annotations[INJECT], "is an annotation here: make it a label")
    return None


def wishes(pod: Pod, namespace: Namespace, injection: Injection) -> Wishes:
    """What the annotations ask for. Raises `RefusedError` for a value that cannot be meant or is not the pod's to choose."""
    mine, theirs = pod.annotations, namespace.annotations
    if BUDGETS in mine:
        raise _invalid(BUDGETS, mine[BUDGETS], f"is the namespace's to say: write {BUDGET} on a pod")
    for name in mine:
        if name.startswith(PREFIX) and name not in _KNOWN and name != INJECT:
            raise RefusedError(
                Reason.INVALID_ANNOTATION, f"there is no annotation {name[:80]!r}: {closest(name, _KNOWN)}"
            )
    profile = _one_of(MODE, mine.get(MODE, theirs.get(MODE)), _PROFILES)
    return Wishes(
        profile=next((known for known in get_args(Profile.__value__) if known == profile), None),
        mode=_mode(mine, theirs),
        fail_closed=_fail_closed(mine, theirs),
        ports=_ports(injection, mine, theirs),
        skip_cidrs=_skip_cidrs(injection, mine, theirs),
        budgets=_chosen(mine),
        allowed_budgets=_names(BUDGETS, theirs),
    )


def _mode(mine: Mapping[str, str], theirs: Mapping[str, str]) -> Mode | None:
    """The pod's word, unless it is gentler than the namespace's."""
    asked, floor = (_one_of(ENFORCE, words.get(ENFORCE), tuple(_ENFORCE)) for words in (mine, theirs))
    if asked and floor and MODES.index(_ENFORCE[asked]) < MODES.index(_ENFORCE[floor]):
        raise _weaker(ENFORCE, asked, f"says {floor}")
    word = asked or floor
    return _ENFORCE[word] if word else None


def _fail_closed(mine: Mapping[str, str], theirs: Mapping[str, str]) -> bool | None:
    asked, floor = (_one_of(FAIL, words.get(FAIL), tuple(_FAIL)) for words in (mine, theirs))
    if asked == "open" and floor == "closed":
        raise _weaker(FAIL, asked, "says closed")
    word = asked or floor
    return _FAIL[word] if word else None


def _ports(injection: Injection, mine: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[int, ...]:
    """Ports are added, never taken away: a pod must not step aside of its budget by capturing another port."""
    found = set(injection.ports)
    for words in (mine, theirs):
        for text in _listed(PORTS, words) or ():
            if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= PORT_MAX):
                raise _invalid(PORTS, text, "is not a port: write numbers up to 65535, with commas")
            if int(text) == injection.proxy_port:
                raise _invalid(PORTS, text, "is the proxy's own port: it would reach itself")
            found.add(int(text))
    if len(found) > limits.PORTS_MAX:
        raise RefusedError(Reason.INVALID_ANNOTATION, f"{PORTS} makes more than {limits.PORTS_MAX} ports")
    return tuple(sorted(found))


def _skip_cidrs(injection: Injection, mine: Mapping[str, str], theirs: Mapping[str, str]) -> tuple[str, ...]:
    asked = _listed(SKIP_CIDRS, mine) or ()
    if asked and ENFORCE in theirs:
        raise _weaker(SKIP_CIDRS, ",".join(asked), f"has {ENFORCE}")
    found = dict.fromkeys((*injection.skip_cidrs, *(_listed(SKIP_CIDRS, theirs) or ()), *asked))
    for cidr in found:
        if not is_network(cidr):
            raise _invalid(SKIP_CIDRS, cidr, "is not a network: write for example 10.96.0.1/32, with commas")
    if len(found) > limits.CIDRS_MAX:
        raise RefusedError(Reason.INVALID_ANNOTATION, f"{SKIP_CIDRS} makes more than {limits.CIDRS_MAX} networks")
    return tuple(found)


def _chosen(mine: Mapping[str, str]) -> tuple[str, ...] | None:
    found = _names(BUDGET, mine)
    if found == ():
        raise _invalid(BUDGET, mine[BUDGET], "names no budget: name one, or remove the annotation")
    return found


def _names(annotation: str, words: Mapping[str, str]) -> tuple[str, ...] | None:
    found = _listed(annotation, words)
    if found is not None and len(found) > limits.BUDGETS_MAX:
        raise RefusedError(Reason.INVALID_ANNOTATION, f"{annotation} names more than {limits.BUDGETS_MAX} budgets")
    return None if found is None else tuple(dict.fromkeys(found))


def _listed(annotation: str, words: Mapping[str, str]) -> list[str] | None:
    text = words.get(annotation)
    return None if text is None else [word for word in re.split(r"[,\s]+", text) if word]


def _one_of(annotation: str, word: str | None, known: tuple[str, ...]) -> str | None:
    if word is not None and word not in known:
        raise _invalid(annotation, word, f"is not one of {', '.join(known)}: {closest(word[:_SHOWN_CHARS], known)}")
    return word


def _invalid(annotation: str, value: str, what: str) -> RefusedError:
    return RefusedError(Reason.INVALID_ANNOTATION, f"{annotation}: {value[:_SHOWN_CHARS]!r} {what}")


def _weaker(annotation: str, value: str, namespace: str) -> RefusedError:
    return RefusedError(
        Reason.WEAKER_THAN_NAMESPACE,
        f"{annotation}={value[:_SHOWN_CHARS]} is not the pod's to choose, because its namespace {namespace}: "
        "remove the annotation from the pod, or change the namespace",
    )
