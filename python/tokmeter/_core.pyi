"""The native core: bytes, instants and names in, values out.

Instants are integer nanoseconds since the Unix epoch, given by the caller; the core has no clock. Money is integer
nano-USD (1e-9 USD). Tokens are integers. Header fields are pairs of raw bytes as they were on the wire. No method
raises because of what the wire carried; `TypeError` and `ValueError` are for wrong use by the program.
"""

from collections.abc import Callable, Iterable, Sequence
from os import PathLike
from typing import Any, Literal, Self, final

import tiktoken

__all__ = [
    "Admit",
    "Attribution",
    "Budget",
    "Charge",
    "Cut",
    "Exchange",
    "Forward",
    "HostRule",
    "LedgerEntry",
    "Meter",
    "Policies",
    "PriceBook",
    "Refuse",
    "Replace",
    "Request",
    "Rewrite",
    "Snapshot",
    "Tokenizer",
    "Tracer",
    "Tracing",
    "built_in_hosts",
    "coverage",
    "functions",
    "get_tokenizer",
    "traced_names",
]

type _Headers = Sequence[tuple[bytes, bytes]]
type _CloseReason = Literal["complete", "client_gone", "upstream_gone", "shutdown", "failed"]
type _Mode = Literal["off", "shadow", "enforce"]

@final
class HostRule:
    """A host whose traffic is metered beside the built-in ones.

    `host` is exact or, with a leading dot, a suffix; `dialect` is ``openai``, ``anthropic``, ``gemini``, ``bedrock``,
    ``cohere``, ``mistral``, ``ollama`` or ``huggingface``. `rates` are decimal strings in USD per million tokens under
    the keys ``input``, ``output``, ``cache_read``, ``cache_write``.
    Raises `ValueError` for an unknown dialect, rate key or malformed decimal.
    """

    def __new__(
        cls, host: str, dialect: str, *, port: int | None = None, provider: str, rates: dict[str, str] | None = None
    ) -> HostRule: ...

@final
class Budget:
    """A limit over a scope and a window.

    `scope` pairs dimensions (organization, namespace, service, pod, user, key, provider, model) with a value, ``*``
    (one account per value) or, for models, a prefix ending in ``*``. At least one of `usd` (decimal string),
    `tokens`, `requests` is given. `period` is request, minute, hour, day, week, month or total; `timezone` an IANA
    name. `alert_at` are fractions as decimal strings between 0 and 1. Without `remembers`, `Meter.restore` passes it by.
    Raises `ValueError` on anything else.
    """

    def __new__(
        cls,
        name: str,
        *,
        scope: Sequence[tuple[str, str]],
        period: str,
        usd: str | None = None,
        tokens: int | None = None,
        requests: int | None = None,
        timezone: str = "UTC",
        mode: _Mode = "enforce",
        alert_at: Sequence[str] = ...,
        remembers: bool = True,
    ) -> Budget: ...

@final
class Policies:
    """What to do where no budget speaks.

    `unpriced` is ``allow``, ``refuse`` or ``price_as:MODEL``; `unknown_paths` (of a metered host) ``allow`` or ``refuse``.
    With `include_usage` ``inject``, streams that do not ask for their usage are asked in their place, and what that adds to
    the reply is taken out again.
    Users that applications name are kept as keyed fingerprints, unless `plain_users` or a budget's scope names them.
    """

    def __new__(
        cls,
        *,
        unpriced: str = "allow",
        include_usage: Literal["leave", "inject"] = "leave",
        unknown_paths: str = "allow",
        plain_users: bool = False,
        mode: _Mode = "enforce",
    ) -> Policies: ...

@final
class PriceBook:
    """Dated rates by provider and model."""

    @staticmethod
    def embedded() -> PriceBook:
        """The snapshot that ships with this version."""
    @property
    def version(self) -> str:
        """Source, version and date of the snapshot."""
    def charge(
        self, provider: str, model: str, usage: dict[str, int], *, at: int, service_tier: str | None = None
    ) -> Charge | None:
        """Prices `usage` (keys as in `LedgerEntry.usage`, totals inclusive); None when the model is unpriced."""

@final
class Charge:
    """The line items of one exchange and their sum."""

    @property
    def total_nano_usd(self) -> int: ...
    @property
    def items(self) -> list[tuple[str, int, int]]:
        """`(kind, quantity, amount in nano-USD)` for each line item."""

@final
class Attribution:
    """Who is answerable and what ran; every field may be unknown."""

    def __new__(
        cls,
        *,
        service: str | None = None,
        pid: int | None = None,
        process: str | None = None,
        container: str | None = None,
        pod: str | None = None,
        namespace: str | None = None,
        organization: str | None = None,
        user: str | None = None,
    ) -> Attribution: ...

@final
class Request:
    """One complete request as it was received. `body` is None when it was too large to be held whole."""

    def __new__(
        cls, *, method: str, host: str, port: int, path: str, headers: _Headers, body: bytes | None
    ) -> Request: ...

@final
class Admit:
    """The request goes upstream unchanged."""

@final
class Rewrite:
    """The request goes upstream with this body and these header fields."""

    @property
    def body(self) -> bytes:
        """The whole body."""
    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Fields, each to stand in the place of all those of its name. The others stay."""

@final
class Refuse:
    """The request must not be sent; answer with this instead."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Fields of the answer, all of them ASCII.

        ``x-should-retry: false`` and ``retry-after`` (121 to 3600 seconds) make clients stop. ``x-tokmeter-request-id`` is
        the exchange's id, ``x-tokmeter-reason`` the `reason`; ``x-tokmeter-budget`` names the binding budget and
        ``x-tokmeter-reset`` is when it renews, in seconds since the epoch, where there is such a budget and instant.
        """
    @property
    def body(self) -> bytes:
        """The error in the provider's own shape."""
    @property
    def budget(self) -> str | None:
        """The binding budget; None when a policy refused."""
    @property
    def reason(self) -> str:
        """usd, tokens, requests, unpriced, unknown_path, unmetered."""

@final
class Forward:
    """The chunk goes to the client unchanged."""

@final
class Replace:
    """The client gets `data` in place of the chunk; nothing, where the chunk is left out or held back."""

    @property
    def data(self) -> bytes: ...

@final
class Cut:
    """The reply ends here: forward `data`, stop the upstream, then end the client's stream.

    `clean` tells whether `data` ends the stream in the provider's own words; otherwise the client connection must be
    reset, so that a truncated reply is never mistaken for a whole one.
    """

    @property
    def data(self) -> bytes: ...
    @property
    def clean(self) -> bool: ...

@final
class Exchange:
    """One request and its response. Every method may be called from any end of life, in any order, by any thread.

    One that is forgotten without `close` settles itself by what was fed, and counts as unmetered: ``abandoned``.
    """

    @property
    def id(self) -> str: ...
    @property
    def decision(self) -> Admit | Rewrite | Refuse:
        """What to do with the request. The body of a `Rewrite` is there until `respond` is called."""
    @property
    def closed(self) -> bool: ...
    def respond(self, status: int, headers: _Headers) -> bool:
        """The status line and header fields of the response have arrived.

        Whether chunks of its body may be replaced: a length it declares does not hold for the client then, and what is held
        back must be asked for with `release`.
        """
    @property
    def reads_session(self) -> bool:
        """Whether what follows an answer that switches protocols (101) is read: then feed both directions of it."""
    def feed(self, chunk: bytes, now: int) -> Forward | Replace | Cut:
        """One piece of the response body, or of what the provider sends in a session, as it was on the wire."""
    def sent(self, chunk: bytes, now: int) -> Forward | Cut:
        """One piece of what the client sends in a session, as it was on the wire."""
    def release(self) -> bytes:
        """What is held back of the reply, once: less than one event.

        It goes to the client before anything else does, when the reply has ended or when chunks are no longer fed.
        """
    def close(self, reason: _CloseReason, now: int) -> LedgerEntry | None:
        """Settles the exchange and returns its ledger entry the first time, None ever after."""

@final
class LedgerEntry:
    """The record of one finished exchange. Holds names, numbers and instants; no prompt, reply or key."""

    @property
    def id(self) -> str: ...
    @property
    def time_ns(self) -> int:
        """Instant of admission, which decides the budget window."""
    @property
    def duration_ns(self) -> int: ...
    @property
    def first_chunk_ns(self) -> int | None: ...
    @property
    def capture(self) -> str: ...
    @property
    def llm(self) -> bool: ...
    @property
    def provider(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def request_model(self) -> str | None: ...
    @property
    def response_model(self) -> str | None: ...
    @property
    def stream(self) -> bool: ...
    @property
    def status(self) -> int: ...
    @property
    def usage(self) -> dict[str, int | None]:
        """The eleven counts of the JSON contract, by name."""
    @property
    def provenance(self) -> str: ...
    @property
    def defects(self) -> list[str]: ...
    @property
    def cost_nano_usd(self) -> int | None: ...
    @property
    def priced(self) -> bool: ...
    @property
    def decision(self) -> str:
        """admit, rewrite, refuse or cut."""
    @property
    def would_refuse(self) -> bool:
        """A budget or policy in shadow mode would have refused or cut."""
    @property
    def budget(self) -> str | None:
        """The budget that refused or cut (or would have)."""
    @property
    def reason(self) -> str | None: ...
    @property
    def outcome(self) -> str:
        """ok, error, refused, cut, client_gone, upstream_gone."""
    @property
    def retry(self) -> int: ...
    @property
    def key_fingerprint(self) -> str | None: ...
    @property
    def service(self) -> str | None: ...
    @property
    def pid(self) -> int | None: ...
    @property
    def process(self) -> str | None: ...
    @property
    def container(self) -> str | None: ...
    @property
    def pod(self) -> str | None: ...
    @property
    def namespace(self) -> str | None: ...
    @property
    def organization(self) -> str | None: ...
    @property
    def user(self) -> str | None: ...
    @property
    def session(self) -> str | None:
        """Keyed fingerprint of the session that the client names."""
    @property
    def project(self) -> str | None: ...
    @property
    def trace(self) -> str | None:
        """Trace id of W3C trace context."""
    @property
    def sdk(self) -> str | None:
        """Client library or agent, of a bounded list, and its version."""
    @property
    def alerts(self) -> list[tuple[str, str]]:
        """`(budget, fraction)` thresholds that this settlement crossed for the first time in their window."""
    def to_json(self) -> str:
        """The object of the public contract for events and JSON lines: one line, no trailing newline."""
    def to_replay_json(self, index: int) -> str:
        """The object of the public contract for replays: one line, no trailing newline."""

@final
class Snapshot:
    """What the exporters read: one consistent copy of all counters."""

    def series(self, name: str) -> list[tuple[tuple[str, ...], int]]:
        """Label values and integer value of each series of counter or gauge `name`.

        Names and labels: ``exchanges`` (provider, operation, model, service, outcome); ``input_tokens``,
        ``output_tokens``, ``cache_read_tokens``, ``cache_write_tokens``, ``reasoning_tokens`` (provider, model,
        service, provenance); ``counted_input_tokens``, ``stated_input_tokens`` (provider, model, count: ``exact`` or
        ``estimated``); ``cost_nano_usd`` (provider, model, service); ``budget_limit_nano_usd``,
        ``budget_spent_nano_usd``, ``budget_held_nano_usd``, ``budget_accounts``, ``budget_spent_ppm``,
        ``budget_used_ppm`` (budget, window); ``decisions`` (decision, mode, reason);
        ``retries`` (provider); ``retry_cost_nano_usd`` (provider); ``provider_errors`` (provider, code); ``defects``
        (defect); ``unpriced_exchanges`` (); ``unmetered_exchanges`` (reason); ``message_cache_texts``,
        ``message_cache_bytes`` (result: ``hit`` or ``miss``); ``open_exchanges`` ().
        A budget with one account per value is one series: the limit of one account, the sums of all, and in
        millionths of the limit the largest share of one. Labels are bounded; what has no place among them is ``other``.
        Raises `ValueError` for another name.
        """
    def histogram(self, name: str) -> list[tuple[tuple[str, ...], list[int], int, int]]:
        """Label values, cumulative bucket counts, sum (integer, in the unit of the bounds), count.

        Names: ``exchange_duration_ns`` (provider), ``first_chunk_ns`` (provider), ``cost_per_exchange_nano_usd``
        (provider), ``context_utilization_ppm`` (provider). Raises `ValueError` for another name.
        """
    def bounds(self, name: str) -> list[int]:
        """Upper bounds of the histogram's buckets, without +Inf, in its unit."""
    def budgets(self) -> list[dict[str, Any]]:
        """One dict a budget account.

        Keys: name, account, mode, window, starts_ns, resets_ns (or None), limit_nano_usd, spent_nano_usd,
        held_nano_usd, limit_tokens, spent_tokens, held_tokens, limit_requests, spent_requests, held_requests (limits
        None where unlimited), refusals, would_refuse, overrun_nano_usd.
        """

@final
class Meter:
    """Meters, prices and caps exchanges. Thread-safe; one per process.

    `seed` (16 random bytes) makes exchange ids unique; `fingerprint_key` (secret, kept between runs; the seed when
    None) makes fingerprints of API keys comparable over time. `capture` is ``proxy``, ``tracer`` or ``replay``.

    `tokenizers` are models and what counts their text, before the embedded ones; the first that fits counts. A model is a
    name in any case, with ``*`` for any text, and fits behind a path (``meta-llama/``) or vendor (``us.meta.``) as well.

    Raises `ValueError` for contradictory budgets (two of one name).
    """

    def __new__(
        cls,
        *,
        price_book: PriceBook,
        budgets: Sequence[Budget] = ...,
        policies: Policies | None = None,
        hosts: Sequence[HostRule] = ...,
        tokenizers: Sequence[tuple[str, Tokenizer]] = ...,
        capture: str = "proxy",
        seed: bytes,
        fingerprint_key: bytes | None = None,
    ) -> Meter: ...
    def knows_host(self, host: str, port: int | None = None) -> bool:
        """Whether traffic to this host is metered, and so may be decrypted."""
    def knows_path(self, method: str, path: str) -> bool:
        """Whether a request to a host that is not metered by name looks like one to a model, so its body is worth a look."""
    def hosts(self) -> list[str]:
        """Host names and leading-dot suffixes that are metered, for the name constraints of the CA."""
    def open(self, request: Request, who: Attribution, now: int) -> Exchange | None:
        """Admits or refuses a request; None when its host is not metered and it does not look like one to a model."""
    def count(self, request: Request) -> tuple[int, bool] | None:
        """Input tokens of a request as admission counts them before anything is learned of its model, and whether that is exact.

        None when the request is not read as one to a model.
        """
    def refusal(self, request: Request, now: int) -> Refuse:
        """A provider-shaped refusal for a request that could not be metered (fail-closed policies)."""
    def unmetered(self, reason: str) -> None:
        """Counts traffic to a metered host that could not be read."""
    def expire(self, now: int) -> list[tuple[str, str]]:
        """Gives up reservations whose owner is lost; call about once a second. Returns alerts as in `LedgerEntry`."""
    def restore(self, entry: dict[str, Any], now: int) -> None:
        """Re-applies a ledger entry (fields of `LedgerEntry` by name) to the current budget windows at start."""
    def calibrations(self) -> list[tuple[str, str, str, str]]:
        """What was learned of how far estimates lie from what providers state, one of each model.

        `(provider, model, of prompts, of replies)`; the last two are exchanges by percent, ``112:40 113:7``.
        """
    def restore_calibration(self, provider: str, model: str, prompts: str, replies: str) -> None:
        """Takes up what an earlier process learned; what cannot be read teaches nothing."""
    def snapshot(self, now: int) -> Snapshot: ...

def built_in_hosts() -> list[tuple[str, str, str]]:
    """Host pattern, provider and dialect of each host that is metered without being configured, in the order tried.

    A leading dot stands for any names before it, a ``*`` for anything inside one name, alone for every host.
    """

def coverage() -> list[tuple[str, str, str, str, str]]:
    """Dialect, method, example path, operation and how its usage is known, of each path that is metered."""

def get_tokenizer(name_or_model: str) -> Tokenizer:
    """Return the tokenizer of an encoding or of a model.

    Encodings: ``r50k_base`` (also ``gpt2``), ``p50k_base``, ``p50k_edit``, ``cl100k_base``, ``o200k_base``,
    ``o200k_harmony``, ``tekken`` (Mistral), ``qwen``, ``deepseek``. Models: those tiktoken knows, and Mistral's, Qwen's and
    DeepSeek's that use these vocabularies, in any case, dated or not, after a path (``openai/``, ``Qwen/``) or a vendor of
    Bedrock (``mistral.``), or inside ``ft:``. Their tables are read in place: nothing is built at the first use, and every
    call returns the same tokenizer.

    Raises:
        KeyError: No embedded tokenizer has that name; the message lists the encodings.
    """

@final
class Tokenizer:
    """Exact token counts of one encoding, equal to those of its publisher's library.

    Text is ``str`` or UTF-8 ``bytes``. Broken UTF-8 counts as U+FFFD per maximal broken sequence; lone surrogates count as
    U+FFFD. Other threads run while a text of 16 KB or more is counted. Instances are immutable and thread-safe.
    """

    @classmethod
    def from_tiktoken(cls, encoding: tiktoken.Encoding) -> Self:
        """Build a tokenizer from the ranks, pattern and special tokens of a tiktoken encoding.

        Raises:
            ValueError: The pattern is not one of tiktoken's gpt2, r50k, p50k, cl100k or o200k patterns, nor Llama 3's, Qwen's
                or tekken's, or the ranks are not those of a byte-pair vocabulary.
        """

    @classmethod
    def from_file(cls, path: str | PathLike[str], *, pattern: str | None = None) -> Self:
        """Build a tokenizer from a file: a rank file, a ``tekken.json``, or a ``tokenizer.json`` with a BPE model.

        A rank file (``.tiktoken``, the ``tokenizer.model`` of Llama 3 and 4) has a token in base64 and its rank on each line.
        It does not say how text is cut, so `pattern` must: ``r50k`` (or ``gpt2``), ``cl100k``, ``llama3``, ``qwen``,
        ``o200k`` (or ``llama4``), ``tekken``, ``deepseek``. For the other two, `pattern` stands in for what the file says.

        Of a ``tokenizer.json``, special tokens count only with `allow_special`, as everywhere, and nothing is added around a
        text. Vocabularies over characters (Gemma), and merge lists that no ranks imply (Llama 3's ``tokenizer.json``), are as
        exact but some ten times slower.

        Raises:
            OSError: The file cannot be read.
            ValueError: It is no such file, or asks for a step that is not supported; the message says which.
        """

    @property
    def name(self) -> str:
        """The name of the encoding."""

    def count(self, text: str | bytes, *, allow_special: bool = False) -> int:
        """Return how many tokens a text is.

        Text that spells a special token is ordinary text, as in tiktoken's ``encode_ordinary``, unless `allow_special`.
        """

    def count_until(self, text: str | bytes, limit: int) -> int | None:
        """Return how many tokens a text is if at most `limit`, else ``None``, without counting much further."""

    def count_batch(self, texts: Iterable[str | bytes]) -> list[int]:
        """Return `count` of each text.

        From half a megabyte on, several threads share the work, at most one for each processor; long texts are shared, too,
        where they have lines.
        """

    def encode(self, text: str | bytes, *, allow_special: bool = False) -> list[int]:
        """Return the token ids of a text; special tokens as in `count`."""

    def decode(self, ids: Sequence[int]) -> bytes:
        """Return the bytes that token ids stand for, special tokens included.

        Raises:
            KeyError: An id is not a token of this encoding.
        """

@final
class Tracer:
    """The tracer's programs in the kernel, joined with the exchanges that come of what they see. Linux only.

    `meter` watches: its budgets count and warn, and refuse nothing. `who` is called with a process id when an exchange opens,
    on the thread that polls, and told again after `sweep`. `object` is what ``make ebpf`` makes; `child_offset` where the id of
    the child is in the kernel's event ``sched_process_fork``; `namespace` the number of the process namespace's file whose ids
    are meant everywhere, 0 for the machine's; `clock_offset` nanoseconds from the monotonic clock to the epoch.
    With `everybody` all processes but this one may be looked at, with `strict` only connections to servers that are known
    to be an LLM's. Raises `OSError` with the kernel's words when it does not take the programs.

    One thread may prepare, attach and detach while another one does everything else: neither waits for the other.
    """

    def __new__(
        cls,
        meter: Meter,
        who: Callable[[int], Attribution],
        *,
        object: bytes,  # noqa: A002 - what such a file is called
        everybody: bool,
        strict: bool,
        child_offset: int,
        namespace: int,
        ring_bytes: int,
        clock_offset: int,
    ) -> Tracer: ...
    def prepare(self, program: str) -> None:
        """Has the kernel verify a program of functions, so that attaching it takes no time. Raises `OSError`."""
    def attach_function(self, program: str, file: str | PathLike[str], offset: int, process: int | None) -> int:
        """Runs a program at an offset of a file, for one process or for all; the number detaches it. Raises `OSError`."""
    def attach_event(self, program: str, category: str, event: str) -> int:
        """Runs a program at a tracepoint; the number detaches it. Raises `OSError`."""
    def attach_group(self, program: str, group: str | PathLike[str]) -> int:
        """Runs a program for connections of a control group and of those below; the number detaches it. Raises `OSError`."""
    def stop(self, process: int) -> None:
        """Refuses a process and its coming children new connections to what `refuse` was told. Raises `OSError` if it cannot."""
    def resume(self, process: int) -> None:
        """Takes that back."""
    def stopped(self) -> list[int]:
        """Processes and threads that are stopped."""
    def refuse(self, destination: tuple[int, int, int]) -> None:
        """Adds a destination: the halves of an IPv6 address as they lie in memory, and the port in network order."""
    def detach(self, attachment: int) -> None:
        """Takes that back; nothing if it was done before."""
    def allow(self, process: int) -> None:
        """Lets the programs look at a process, and asks who it is. Raises `OSError` when there are too many."""
    def disallow(self, process: int) -> None:
        """Takes that back."""
    def poll(self) -> int:
        """Reads what the programs have handed over, at most some thousand records; how many there were."""
    def finished(self) -> list[LedgerEntry]:
        """Exchanges that have ended since the last call. Raises what `who` raised."""
    def arrivals(self) -> tuple[list[int], list[int]]:
        """Processes and threads that came, or run another program now, and processes that went since the last call."""
    def greetings(self) -> list[tuple[int, int, tuple[str, int] | None, int, int, bool]]:
        """What began and ended of TLS with LLMs on descriptors since the last call, in order.

        Process, descriptor, and where it begins the name that was asked for and the port, which is 0 where it is not known; where
        it ends, None instead, and the bytes sent and received since the greeting, and whether plaintext was seen.
        """
    def traffic(self, process: int, descriptor: int) -> tuple[int, int, bool] | None:
        """The latter of a connection that goes on. None when it is gone."""
    def sweep(self, now: int) -> None:
        """Ends connections that were silent for too long."""
    def open(self) -> int:
        """Connections that are followed."""
    def counters(self) -> list[tuple[str, int]]:
        """What the programs have counted: records, lost, ignored, unnamed, overlong, refused."""
    def close(self, now: int) -> list[LedgerEntry]:
        """Detaches everything and ends what is open. Later calls do nothing."""

@final
class Tracing:
    """The exchanges of records that another loader hands over, one by one. Linux only. See `Tracer` for the arguments."""

    def __new__(cls, meter: Meter, who: Callable[[int], Attribution], *, clock_offset: int) -> Tracing: ...
    def take(self, record: bytes) -> tuple[int, int, bool] | None:
        """Takes a record; the connection (process, handle, whether of TLS) if nothing more of it is wanted."""
    def meet(self, process: int) -> None:
        """Asks who a process is while it is there: it may be gone when its exchange opens."""
    def finished(self) -> list[LedgerEntry]:
        """See `Tracer`."""
    def arrivals(self) -> tuple[list[int], list[int]]:
        """See `Tracer`."""
    def greetings(self) -> list[tuple[int, int, tuple[str, int] | None, int, int, bool]]:
        """What began and ended of TLS with LLMs on descriptors since the last call, in order. See `Tracer.greetings`."""
    def sweep(self, now: int) -> None:
        """See `Tracer`."""
    def open(self) -> int:
        """See `Tracer`."""
    def close(self, now: int) -> None:
        """Ends what is open."""

def functions(file: str | PathLike[str], names: list[str], go: list[str]) -> list[tuple[str, int, list[int]]]:
    """The functions of an executable or library that are among `names`, or `go` for those of a Go program. Linux only.

    With each come the offset of its first instruction in the file and, for those of Go, those of its return instructions.

    Raises `OSError` when the file cannot be read or is none.
    """

def traced_names(meter: Meter) -> list[tuple[int, bool]]:
    """Hashes of what the tracer's programs take for an LLM's, and whether each is a suffix. Linux only."""
