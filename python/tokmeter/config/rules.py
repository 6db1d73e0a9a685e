"""What must hold between the values of a configuration that has the right shape.

Owns ranges, names, addresses and uniqueness. Refuses to know what only the core can tell (`core`).
"""

import re
import zoneinfo
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from urllib.parse import urlsplit

from tokmeter.config.address import address, host_and_port, several
from tokmeter.config.document import Document
from tokmeter.config.schema import BudgetConfig, Config, LimitConfig, ProviderConfig, RatesConfig
from tokmeter.config.shape import closest
from tokmeter.errors import ConfigError

USD_MAX = Decimal(10**9)
"""A limit beyond this is a typing mistake; nano-USD of it still fit 64 bits."""
DECIMALS_MAX = 9
"""Money is integer nano-USD."""
COUNT_MAX = (1 << 63) - 1
"""Tokens and requests are 64-bit in the ledger."""
ALERTS_MAX = 16
"""Thresholds of one budget: each is remembered for each account and window."""
DRAIN_S_MAX = Decimal(86_400)

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:/-]{0,62}[A-Za-z0-9])?")
_NAME_HINT = "up to 64 letters, digits and . _ : / -"

type Key = tuple[str | int, ...]
type Mistake = tuple[Key, str, str]
"""The key, what is wrong, the hint."""


def check(config: Config, document: Document) -> None:
    """Raises `ConfigError` for the first value that cannot be meant."""
    for key, what, hint in mistakes(config):
        name = document.place(*key).rpartition("key ")[2]
        raise ConfigError(f"{name} {what}", where=document.place(*key), hint=hint)


def mistakes(config: Config) -> Iterator[Mistake]:
    """Everything wrong with `config`, in the order of the schema."""
    if config.store is not None:
        yield from _store(config.store)
    seen: dict[str, int] = {}
    for i, budget in enumerate(config.budgets):
        if budget.name in seen:
            yield ("budgets", i, "name"), f"{budget.name!r} is taken by budgets[{seen[budget.name]}]", "rename one"
        seen.setdefault(budget.name, i)
        yield from _budget(("budgets", i), budget)
    hosts: dict[str, int] = {}
    for i, provider in enumerate(config.providers):
        if provider.host.lower() in hosts:
            first = f"providers[{hosts[provider.host.lower()]}]"
            yield ("providers", i, "host"), f"{provider.host!r} is also {first}", "merge the two"
        hosts.setdefault(provider.host.lower(), i)
        yield from _provider(("providers", i), provider)
    for i, tokenizer in enumerate(config.tokenizers):
        if not tokenizer.models:
            yield ("tokenizers", i, "models"), "names no model", "like [llama-3*, meta-llama/*]"
    yield from _proxy(config)
    yield from _address(("metrics", "listen"), config.metrics.listen)


def _store(store: str) -> Iterator[Mistake]:
    scheme, separator, path = store.partition("://")
    if separator and scheme in {"postgresql", "postgres", "redis"}:
        yield ("store",), f"{scheme} is not supported in this version", "write sqlite:///absolute/path/ledger.db"
    elif scheme != "sqlite" or not path.startswith("/") or path.endswith("/"):
        yield ("store",), f"{store!r} is not a ledger's address", "write sqlite:///absolute/path/ledger.db"


def _budget(key: Key, budget: BudgetConfig) -> Iterator[Mistake]:
    if not _NAME.fullmatch(budget.name):
        yield (*key, "name"), f"{budget.name[:40]!r} is not a usable name", _NAME_HINT
    yield from _limit((*key, "limit"), budget.limit)
    zone = budget.window.timezone
    known = zoneinfo.available_timezones()
    # Without a database on this machine the core, which carries its own, has the only word.
    if known and zone not in known:
        cased = {name.lower(): name for name in known}
        hint = f"did you mean {cased[zone.lower()]!r}?" if zone.lower() in cased else _zone_hint(zone, sorted(known))
        yield (*key, "window", "timezone"), f"{zone[:40]!r} is not a time zone", hint
    if len(budget.alert_at) > ALERTS_MAX:
        yield (*key, "alert_at"), f"has more than {ALERTS_MAX} thresholds", "keep the ones you act on"
    for j, fraction in enumerate(budget.alert_at):
        if not 0 < fraction <= 1:
            yield (*key, "alert_at", j), f"{fraction} is not between 0 and 1", "0.8 means 80 %"
        elif fraction % Decimal("0.001"):
            yield (*key, "alert_at", j), f"{fraction} has more than three decimal places", "0.8 means 80 %"
    if any(a >= b for a, b in pairwise(budget.alert_at)):
        yield (*key, "alert_at"), "is not in rising order", "like [0.5, 0.8]"


def _zone_hint(zone: str, known: list[str]) -> str:
    hint = closest(zone.rpartition("/")[2], [name.rpartition("/")[2].lower() for name in known])
    if not hint.startswith("did you mean"):
        return "write an IANA name such as Europe/Berlin"
    place = hint.split("'")[1]
    name = next(name for name in known if name.lower().endswith(place))
    return f"did you mean {name!r}?"


def _limit(key: Key, limit: LimitConfig) -> Iterator[Mistake]:
    if limit.usd is None and limit.tokens is None and limit.requests is None:
        yield key, "limits nothing", "give usd, tokens or requests"
    if limit.usd is not None:
        if not 0 < limit.usd <= USD_MAX:
            yield (*key, "usd"), f"must be above 0 and at most {USD_MAX}", "use mode: off to switch a budget off"
        yield from _decimals((*key, "usd"), limit.usd)
    for name, count in (("tokens", limit.tokens), ("requests", limit.requests)):
        if count is not None and not 0 < count <= COUNT_MAX:
            yield (*key, name), f"must be above 0 and at most {COUNT_MAX}", "use mode: off to switch a budget off"


def _decimals(key: Key, amount: Decimal) -> Iterator[Mistake]:
    exponent = amount.normalize().as_tuple().exponent
    if isinstance(exponent, int) and exponent < -DECIMALS_MAX:
        yield key, f"has more than {DECIMALS_MAX} decimal places", "money is kept in billionths of a dollar"


def _provider(key: Key, provider: ProviderConfig) -> Iterator[Mistake]:
    try:
        host, port = host_and_port(provider.host)
    except ValueError as error:
        yield (*key, "host"), f"{provider.host[:60]!r} {error}", "like llm.internal:8000 or .openai.azure.com"
        return
    if port == 0:
        yield (*key, "host"), "port 0 is not a port", "leave the port out for every port"
    yield from (_built_in(key, provider) if provider.dialect is None else _own(key, provider, host))
    if provider.rates is not None:
        yield from _rates((*key, "rates"), provider.rates)
    if provider.connect_to is not None:
        yield from _address((*key, "connect_to"), provider.connect_to)


def _built_in(key: Key, provider: ProviderConfig) -> Iterator[Mistake]:
    for name in ("name", "rates"):
        if getattr(provider, name) is not None:
            yield (*key, name), "needs a dialect beside it", "add `dialect:`, like `dialect: openai`"
    if not provider.tls:
        yield (
            (*key, "tls"),
            "needs a dialect beside it",
            "add `dialect:` and `name:`; what is built in is called over TLS",
        )
    if provider.connect_to is None:
        yield key, "says nothing about its host", "add `dialect:` and `name:`, or `connect_to:`"


def _own(key: Key, provider: ProviderConfig, host: str) -> Iterator[Mistake]:
    if provider.name is None:
        yield (*key, "dialect"), "needs a name beside it", f"add `name:`; prices are looked up by it, as in {host!r}"
    elif not _NAME.fullmatch(provider.name):
        yield (*key, "name"), f"{provider.name[:40]!r} is not a usable name", _NAME_HINT


def _rates(key: Key, rates: RatesConfig) -> Iterator[Mistake]:
    for name in ("input", "output", "cache_read", "cache_write"):
        rate: Decimal | None = getattr(rates, name)
        if rate is None:
            continue
        if not 0 <= rate <= USD_MAX:
            yield (*key, name), f"must be between 0 and {USD_MAX}", "USD per million tokens"
        yield from _decimals((*key, name), rate)


def _proxy(config: Config) -> Iterator[Mistake]:
    proxy = config.proxy
    if not proxy.listen:
        yield ("proxy", "listen"), "has no address", "like 127.0.0.1:15401"
    for i, text in enumerate(several(proxy.listen)):
        yield from _address(("proxy", "listen") if isinstance(proxy.listen, str) else ("proxy", "listen", i), text)
        if text == config.metrics.listen and not text.endswith(":0"):
            yield ("metrics", "listen"), "is the proxy's own address", "give them two ports"
    yield from _proxy_mode(proxy.mode)
    if not 0 <= proxy.drain_s <= DRAIN_S_MAX:
        yield ("proxy", "drain_s"), f"must be between 0 and {DRAIN_S_MAX}", "seconds"
    if not 0 < proxy.body_bytes_max <= COUNT_MAX:
        yield ("proxy", "body_bytes_max"), "must be above 0", "bytes, like 33554432"


def _proxy_mode(mode: str) -> Iterator[Mistake]:
    if mode in {"regular", "transparent", "base-url"}:
        return
    kind, colon, url = mode.partition(":")
    if kind != "reverse" or not colon:
        hint = closest(kind, ("regular", "transparent", "base-url", "reverse:URL"))
        yield ("proxy", "mode"), f"{mode[:40]!r} is not a mode", hint
        return
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        yield ("proxy", "mode"), f"{mode[:80]!r} has no usable URL", "like reverse:https://api.openai.com"


def _address(key: Key, text: str) -> Iterator[Mistake]:
    try:
        address(text, port_zero="listen" in key)
    except ValueError as error:
        yield key, f"{text[:60]!r} {error}", "like 127.0.0.1:15401"
