"""The one table of metrics. The collector, the reference page and the dashboards' checks are made from it.

Owns names, kinds, labels, units and help. Refuses to know how a metric is collected or written out.
"""

from dataclasses import dataclass, replace
from typing import Literal

type Kind = Literal["counter", "gauge", "histogram", "info"]
type Unit = Literal[
    "exchanges",
    "tokens",
    "usd",
    "seconds",
    "ratio",
    "events",
    "rows",
    "connections",
    "processes",
    "texts",
    "accounts",
    "bytes",
    "none",
]

NANO = 10**9
PPM = 10**6


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family."""

    name: str
    """As scraped; counters end in ``_total``."""
    kind: Kind
    help: str
    source: str
    """The name in `Snapshot.series` or `.histogram`, or of an adapter's own series."""
    labels: tuple[str, ...] = ()
    """In the order of the source's label values; each from a bounded set."""
    unit: Unit = "none"
    divisor: int = 1
    """The source counts in integers of 1/divisor of the unit."""
    adapter: bool = False
    """The source is not the snapshot but what was given to the collector under this name."""


_PROVIDER = ("provider",)
_SPEND = ("provider", "model", "service")
_TOKENS = (*_SPEND, "provenance")
_EXCHANGES = ("provider", "operation", "model", "service", "outcome")
_COUNTS = ("provider", "model", "count")
_BUDGET = ("budget", "window")


def _counter(name: str, help_: str, source: str, labels: tuple[str, ...], unit: Unit, divisor: int = 1) -> Metric:
    return Metric(f"tokmeter_{name}_total", "counter", help_, source, labels, unit, divisor)


def _tokens(kind: str, help_: str) -> Metric:
    return _counter(f"{kind}_tokens", help_, f"{kind}_tokens", _TOKENS, "tokens")


def _gauge(name: str, help_: str, source: str, labels: tuple[str, ...], unit: Unit, divisor: int = 1) -> Metric:
    return Metric(f"tokmeter_{name}", "gauge", help_, source, labels, unit, divisor)


def _budget(amount: str, help_: str) -> Metric:
    return _gauge(f"budget_{amount}_usd", help_, f"budget_{amount}_nano_usd", _BUDGET, "usd", NANO)


def _worst(share: str, help_: str) -> Metric:
    return _gauge(f"budget_{share}_ratio", help_, f"budget_{share}_ppm", _BUDGET, "ratio", PPM)


def _histogram(name: str, help_: str, source: str, unit: Unit, divisor: int) -> Metric:
    return Metric(f"tokmeter_{name}", "histogram", help_, source, _PROVIDER, unit, divisor)


def _injector(name: str, help_: str, labels: tuple[str, ...]) -> Metric:
    return _adapters(_counter(f"injector_{name}", help_, f"injector_{name}", labels, "events"))


def _adapters(metric: Metric) -> Metric:
    return replace(metric, adapter=True)


CATALOG: tuple[Metric, ...] = (
    _counter("exchanges", "Finished exchanges.", "exchanges", _EXCHANGES, "exchanges"),
    _gauge("open_exchanges", "Exchanges in flight.", "open_exchanges", (), "exchanges"),
    _tokens("input", "Input tokens, cache reads and writes included."),
    _tokens("output", "Output tokens, reasoning included."),
    _tokens("cache_read", "Of the input tokens: read from a cache."),
    _tokens("cache_write", "Of the input tokens: written to a cache."),
    _tokens("reasoning", "Of the output tokens: hidden reasoning."),
    _counter(
        "counted_input_tokens",
        "Input tokens as counted here before the request was sent, of exchanges whose provider stated them, too.",
        "counted_input_tokens",
        _COUNTS,
        "tokens",
    ),
    _counter(
        "stated_input_tokens",
        "Input tokens of the same exchanges as their providers stated them.",
        "stated_input_tokens",
        _COUNTS,
        "tokens",
    ),
    _counter("cost_usd", "Cost at list price. Invoices come from the ledger.", "cost_nano_usd", _SPEND, "usd", NANO),
    _histogram(
        "exchange_duration_seconds",
        "Time from admission to the end of the reply.",
        "exchange_duration_ns",
        "seconds",
        NANO,
    ),
    _histogram(
        "first_chunk_seconds",
        "Time from admission to the first byte of the reply's body.",
        "first_chunk_ns",
        "seconds",
        NANO,
    ),
    _histogram("cost_usd", "Cost of one exchange.", "cost_per_exchange_nano_usd", "usd", NANO),
    _histogram(
        "context_utilization_ratio",
        "Input tokens of one exchange as a share of the model's context window.",
        "context_utilization_ppm",
        "ratio",
        PPM,
    ),
    _budget("limit", "Limit of each account of a budget in its current window."),
    _budget("spent", "Spent from a budget in its current window, over all accounts."),
    _budget("held", "Reserved from a budget by exchanges in flight, over all accounts."),
    _gauge(
        "budget_accounts",
        "Accounts of a budget: one for each value of its scope.",
        "budget_accounts",
        _BUDGET,
        "accounts",
    ),
    _worst("spent", "Spent, as a share of its limit, by the account that has spent the largest."),
    _worst("used", "Spent or reserved, as a share of its limit, in the account that is nearest to it."),
    _counter(
        "decisions",
        "Decisions of budgets and policies; in shadow mode, what they would have been.",
        "decisions",
        ("decision", "mode", "reason"),
        "events",
    ),
    _counter("retries", "Exchanges that repeated an earlier request.", "retries", _PROVIDER, "exchanges"),
    _counter(
        "retry_cost_usd",
        "Cost of exchanges that repeated an earlier request.",
        "retry_cost_nano_usd",
        _PROVIDER,
        "usd",
        NANO,
    ),
    _counter(
        "provider_errors",
        "Exchanges that the provider answered with an error.",
        "provider_errors",
        ("provider", "code"),
        "exchanges",
    ),
    _counter("defects", "Flaws found in traffic.", "defects", ("defect",), "events"),
    _counter(
        "unpriced_exchanges",
        "Exchanges with tokens but without a price: their cost is unknown, not zero.",
        "unpriced_exchanges",
        (),
        "exchanges",
    ),
    _counter(
        "unmetered_exchanges",
        "Traffic to metered hosts that passed without being read.",
        "unmetered_exchanges",
        ("reason",),
        "exchanges",
    ),
    _counter(
        "message_cache_texts",
        "Long texts of prompts, by whether their tokens were known from an earlier prompt.",
        "message_cache_texts",
        ("result",),
        "texts",
    ),
    _counter("message_cache_bytes", "The same in bytes.", "message_cache_bytes", ("result",), "bytes"),
    _adapters(
        _counter(
            "capture_dropped",
            "Pieces of traffic that a capture source lost.",
            "capture_dropped",
            ("reason",),
            "events",
        )
    ),
    _adapters(
        _counter(
            "unmetered_connections",
            "Connections to LLMs that the tracer could not read, by why.",
            "unmetered_connections",
            ("reason",),
            "connections",
        )
    ),
    _adapters(
        _counter(
            "unmetered_bytes",
            "Encrypted bytes of the connections to LLMs that the tracer could not read.",
            "unmetered_bytes",
            ("reason", "direction"),
            "bytes",
        )
    ),
    _adapters(
        _gauge(
            "stopped_processes",
            "Processes that are refused connections to LLMs because a budget of theirs is exhausted.",
            "stopped_processes",
            (),
            "processes",
        )
    ),
    _adapters(
        _counter(
            "refused_connections",
            "Connections that stopped processes were refused.",
            "refused_connections",
            (),
            "connections",
        )
    ),
    _adapters(
        _counter(
            "closed_connections",
            "Connections that were closed because their process was stopped.",
            "closed_connections",
            (),
            "connections",
        )
    ),
    _adapters(_counter("ledger_written", "Rows that are durable in the ledger.", "ledger_written", (), "rows")),
    _adapters(_counter("ledger_dropped", "Rows that the ledger lost.", "ledger_dropped", ("reason",), "rows")),
    _adapters(
        _counter("ledger_errors", "Failed writes to the ledger; their rows wait.", "ledger_errors", (), "events")
    ),
    _adapters(_gauge("ledger_queued_rows", "Rows waiting for the ledger.", "ledger_queued", (), "rows")),
    _adapters(_gauge("event_subscribers", "Readers of the event stream.", "event_subscribers", (), "connections")),
    _adapters(
        _counter(
            "events_dropped", "Lines that slow readers of the event stream missed.", "events_dropped", (), "events"
        )
    ),
    _injector("admissions", "Reviews that the webhook answered, by what became of the pod.", ("outcome",)),
    Metric(
        "tokmeter_injector_admission_duration_seconds",
        "histogram",
        "Time that the webhook took for a review, from its last byte to the answer's first.",
        "injector_admission_duration_ns",
        (),
        "seconds",
        NANO,
        adapter=True,
    ),
    _adapters(
        _gauge(
            "injector_certificate_expiry_seconds",
            "Seconds until the webhook's serving certificate ends.",
            "injector_certificate_expiry",
            (),
            "seconds",
        )
    ),
    _injector("certificate_renewals", "Looks at the serving certificate that changed it or failed.", ("result",)),
    _injector("handshake_failures", "Callers of the webhook that broke off the TLS handshake.", ()),
    _injector("events_dropped", "Events for the owners of pods that were not written.", ("reason",)),
    _adapters(
        _gauge(
            "injector_namespace_store_age_seconds",
            "Seconds since the API server last told of namespaces; a watch is begun anew every four minutes.",
            "injector_namespace_store_age_ms",
            (),
            "seconds",
            1000,
        )
    ),
    _injector("unknown_namespaces", "Pods of a namespace whose labels could not be found out.", ()),
    Metric("tokmeter_build_info", "info", "What runs: always 1.", "build", ("version", "price_book"), adapter=True),
)
"""In the order of the reference page."""
