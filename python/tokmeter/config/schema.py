"""Every key of ``tokmeter.yaml``: its type, its default and the sentence that documents it.

Owns the shape. Refuses to know files and lines (`document`), how a mistake is worded (`shape`, `rules`) and the core
(`core`). Only keys that have an effect are here; the reference page is generated from this file.
"""

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

type Mode = Literal["off", "shadow", "enforce"]

MODES: tuple[Mode, ...] = ("off", "shadow", "enforce")
"""From the gentlest to the strictest."""


class ScopeConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which exchanges a budget applies to: all that match every key given here; all of them when none is given."""

    organization: Annotated[str | None, Meta(description="Name from TOKMETER_ORGANIZATION.")] = None
    namespace: Annotated[str | None, Meta(description="Kubernetes namespace.")] = None
    service: Annotated[str | None, Meta(description="Service name.")] = None
    pod: Annotated[str | None, Meta(description="Pod name.")] = None
    user: Annotated[
        str | None, Meta(description="User as the application names it, or the fingerprint in the ledger.")
    ] = None
    key: Annotated[str | None, Meta(description="Fingerprint of the API key, as the ledger shows it.")] = None
    provider: Annotated[str | None, Meta(description="Provider name.")] = None
    model: Annotated[str | None, Meta(description="Model, or a prefix of it that ends in `*`.")] = None


class LimitConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much a budget allows in one window; at least one key, and each one binds."""

    usd: Annotated[Decimal | None, Meta(description="US dollars, with at most nine decimal places.")] = None
    tokens: Annotated[int | None, Meta(description="Input and output tokens together.")] = None
    requests: Annotated[int | None, Meta(description="Requests.")] = None


class WindowConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The period a budget renews with."""

    period: Annotated[
        Literal["request", "minute", "hour", "day", "week", "month", "total"],
        Meta(description="Calendar period. `request` limits each single request; `total` never renews."),
    ]
    timezone: Annotated[str, Meta(description="IANA time zone in which days, weeks and months begin.")] = "UTC"


class BudgetConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A limit over a scope and a window."""

    name: Annotated[str, Meta(description="Unique name, shown in refusals, metrics and reports.")]
    limit: Annotated[LimitConfig, Meta(description="How much is allowed.")]
    window: Annotated[WindowConfig, Meta(description="When it renews.")]
    scope: Annotated[
        ScopeConfig, Meta(description="What it applies to. A value `*` keeps one account for each distinct value.")
    ] = ScopeConfig()
    alert_at: Annotated[
        tuple[Decimal, ...], Meta(description="Fractions of the limit that raise an alert, once a window each.")
    ] = ()
    on_exceed: Annotated[Literal["refuse"], Meta(description="What happens beyond the limit.")] = "refuse"
    mode: Annotated[
        Mode, Meta(description="`off` ignores it, `shadow` counts what it would refuse, `enforce` refuses.")
    ] = "enforce"


class PriceAs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stand-in price for models without one."""

    price_as: Annotated[str, Meta(description="The model whose rates are used instead.")]


class PoliciesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to do where no budget speaks."""

    unpriced: Annotated[
        Literal["allow", "refuse"] | PriceAs,
        Meta(description="Requests for a model without a price: `allow`, `refuse`, or `{price_as: MODEL}`."),
    ] = "allow"
    include_usage: Annotated[
        Literal["leave", "inject"],
        Meta(
            description="OpenAI-shaped streams that do not ask for their usage: `inject` asks in their place and takes "
            "out of the reply what that adds; `leave` counts their tokens here."
        ),
    ] = "leave"
    unknown_paths: Annotated[
        Literal["allow", "refuse"],
        Meta(description="Paths that are not known on a metered host: `allow` counts them as unmetered."),
    ] = "allow"


class AttributionConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept of who asked."""

    users: Annotated[
        Literal["fingerprint", "plain"],
        Meta(
            description="End users that applications name: by keyed fingerprint, unless a budget's scope names them, or "
            "`plain`."
        ),
    ] = "fingerprint"


class RatesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prices in USD per million tokens, for every model of the provider."""

    input: Annotated[Decimal, Meta(description="Input tokens that no cache was involved in.")]
    output: Annotated[Decimal, Meta(description="Output tokens.")]
    cache_read: Annotated[Decimal | None, Meta(description="Input tokens read from a cache.")] = None
    cache_write: Annotated[Decimal | None, Meta(description="Input tokens written to a cache.")] = None


class ProviderConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A host that is metered beside the built-in ones, or another way to reach one of those."""

    host: Annotated[
        str, Meta(description="`host`, `host:port`, or `.suffix` for every host below it; without a scheme.")
    ]
    dialect: Annotated[
        Literal["openai", "anthropic", "gemini", "bedrock", "cohere", "mistral", "ollama", "huggingface"] | None,
        Meta(description="The API it speaks; most servers speak `openai`. Needed unless the host is built in."),
    ] = None
    name: Annotated[str | None, Meta(description="Its name in metrics, prices and reports. Goes with `dialect`.")] = (
        None
    )
    rates: Annotated[
        RatesConfig | None, Meta(description="Its prices; without them the price book is asked. Goes with `dialect`.")
    ] = None
    connect_to: Annotated[
        str | None,
        Meta(
            description="`address:port` to connect to instead; the TLS name stays. For gateways and private endpoints."
        ),
    ] = None
    tls: Annotated[
        bool,
        Meta(
            description="Whether it is called over TLS in the mode `base-url`, where its name makes an address of the proxy: "
            "`http://127.0.0.1:15401/NAME`. Goes with `dialect`."
        ),
    ] = True


class TokenizerConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vocabulary of your own, for models whose tokenizer is not embedded."""

    models: Annotated[
        tuple[str, ...],
        Meta(
            description="Models, in any case, behind whatever path or vendor; `*` stands for any text, as in `llama-3*`. The "
            "first list that fits wins, over embedded tokenizers too."
        ),
    ]
    file: Annotated[
        str,
        Meta(
            description="A rank file (`.tiktoken`, the `tokenizer.model` of Llama 3 and 4), a `tekken.json`, or a "
            "`tokenizer.json` with a BPE model. Read once, at start."
        ),
    ]
    pattern: Annotated[
        Literal["r50k", "gpt2", "cl100k", "llama3", "qwen", "o200k", "llama4", "tekken", "deepseek"] | None,
        Meta(description="How text is cut before it is merged. Needed for a rank file, which does not say it."),
    ] = None


class ProxyConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proxy of `tokmeter proxy`."""

    listen: Annotated[
        str | tuple[str, ...], Meta(description="`address:port` that clients connect to, or a list of them.")
    ] = "127.0.0.1:15401"
    mode: Annotated[
        str,
        Meta(
            description="`regular`, `transparent` (redirected by the kernel), `base-url` (the path names the provider) or "
            "`reverse:URL`."
        ),
    ] = "regular"
    ca_dir: Annotated[str | None, Meta(description="Directory of the certificate authority; kept across restarts.")] = (
        None
    )
    upstream_ca: Annotated[
        str | None, Meta(description="PEM file of authorities to trust upstream, instead of the usual ones.")
    ] = None
    drain_s: Annotated[Decimal, Meta(description="Seconds that open exchanges may take to finish after SIGTERM.")] = (
        Decimal(25)
    )
    body_bytes_max: Annotated[
        int, Meta(description="Bytes of a request body held for admission; larger ones pass, metered by their reply.")
    ] = 33_554_432
    fail_closed: Annotated[
        bool, Meta(description="Refuse when metering itself breaks. Otherwise traffic passes and is counted.")
    ] = False


class MetricsConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTP server for `/metrics`, `/events`, `/budgets`, `/healthz` and `/readyz`."""

    listen: Annotated[str, Meta(description="`address:port` to serve on.")] = "127.0.0.1:15490"


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. An empty file is valid: every key has a default."""

    service: Annotated[
        str | None,
        Meta(description="Name of the metered service; else TOKMETER_SERVICE, OTEL_SERVICE_NAME, `service.name`."),
    ] = None
    mode: Annotated[
        Mode, Meta(description="The strictest mode any budget or policy may act in; `off` only meters.")
    ] = "enforce"
    store: Annotated[
        str | None, Meta(description="`sqlite:///absolute/path` of the ledger; else one in the user's state directory.")
    ] = None
    budgets: Annotated[tuple[BudgetConfig, ...], Meta(description="Limits; the first that binds is named.")] = ()
    policies: Annotated[PoliciesConfig, Meta(description="Rules beside the budgets.")] = PoliciesConfig()
    attribution: Annotated[AttributionConfig, Meta(description="What is kept of who asked.")] = AttributionConfig()
    providers: Annotated[tuple[ProviderConfig, ...], Meta(description="Hosts beside the built-in ones.")] = ()
    tokenizers: Annotated[
        tuple[TokenizerConfig, ...], Meta(description="Vocabularies of your own, beside the embedded ones.")
    ] = ()
    proxy: Annotated[ProxyConfig, Meta(description="Where and how the proxy listens.")] = ProxyConfig()
    metrics: Annotated[MetricsConfig, Meta(description="Where the numbers are served.")] = MetricsConfig()


ANNOUNCED: dict[str, tuple[str, ...]] = {
    "": ("budget_store",),
    "budgets[]": ("when_store_down",),
    "budgets[].window": ("rolling",),
    "policies": ("downgrade", "retries", "velocity"),
    "proxy": ("workers",),
}
"""Keys of the product's vocabulary that this version does not act on, by place: refused with a word of their own."""
