"""Writes docs/reference/{cli,metrics,configuration,injection,ledger,providers}.md from the program itself.

With --check nothing is written: it fails when a page is not what the program says.
"""

import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from decimal import Decimal
from inspect import cleandoc
from pathlib import Path
from textwrap import dedent

import msgspec
from msgspec import inspect

from tokmeter._core import built_in_hosts, coverage
from tokmeter.cli.commands import SUMMARIES
from tokmeter.config.schema import BudgetConfig, Config
from tokmeter.export.catalog import CATALOG
from tokmeter.inject.settings import Injection
from tokmeter.store.ledger import DIMENSIONS, DROP_REASONS
from tokmeter.store.sqlite.columns import ENTRY
from tokmeter.store.sqlite.migrations import VERSION, migrate

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "docs" / "reference"
HELP = ROOT / "tests" / "golden" / "help"
"""The help of every command: a test compares it with the program, `make golden` rewrites it."""
GENERATED = "<!-- Written by scripts/reference.py: change the program, then `make docs`. -->\n"

EXAMPLE = """\
service: checkout
store: sqlite:///var/lib/tokmeter/ledger.db
budgets:
  - name: checkout-daily
    scope: {service: checkout}
    limit: {usd: 50}
    window: {period: day, timezone: Europe/Berlin}
    alert_at: [0.5, 0.8]
policies:
  unpriced: refuse
  include_usage: inject
providers:
  - {host: llm.internal:8000, dialect: openai, name: vllm, rates: {input: 0.10, output: 0.30}}
tokenizers:
  - {models: [llama-3*, meta-llama/*], file: /etc/tokmeter/llama3.model, pattern: llama3}
"""

INJECTION_EXAMPLE = """\
image: registry.example/tokmeter:0.1.0
skip_cidrs: [10.96.0.1/32]
configuration:
  mode: shadow
  policies: {unpriced: refuse}
budgets:
  - name: service-daily
    scope: {service: "*"}
    limit: {usd: 50}
    window: {period: day, timezone: Europe/Berlin}
default_budgets: [service-daily]
"""

QUERIES = """\
SELECT * FROM spend_by_day WHERE day >= '2026-01-01';
SELECT user, sum(cost_nano_usd) / 1e9 AS usd FROM net_entry GROUP BY user ORDER BY usd DESC;
"""


def metrics() -> str:
    """The page of the metrics."""
    rows = [
        (
            f"`{m.name}`",
            m.kind,
            ", ".join(f"`{label}`" for label in m.labels),
            m.unit if m.unit != "none" else "",
            m.help,
        )
        for m in CATALOG
    ]
    return (
        "# Metrics\n\n"
        + GENERATED
        + dedent("""
        Served as Prometheus text on `GET /metrics` of the address in `metrics.listen`. Each line is read from the same
        counters that the budgets use, at the moment of the scrape.

        - Input tokens include cache reads and writes; output tokens include reasoning. The separate cache and reasoning
          counters are subsets: never add them to the totals.
        - Label values come from bounded sets. A model or service beyond the bound is `other`. Users, keys, pods and
          processes are no labels: ask the ledger (`tokmeter report --by user`) or Prometheus's service discovery.
        - `rate()` and `increase()` extrapolate. Invoices come from the ledger.
        - The format is the classic text format, also for scrapers that offer OpenMetrics: there the counter
          `tokmeter_cost_usd_total` and the histogram `tokmeter_cost_usd` could not stand side by side.
        - `tokmeter_injector_admissions_total` and the others of the injector are served by `tokmeter injector`, at the address
          of its `--metrics`, where nothing but `tokmeter_build_info` is beside them.

        """)
        + table(("metric", "kind", "labels", "unit", "meaning"), rows)
        + f"\nReasons of `tokmeter_ledger_dropped_total`: {words(DROP_REASONS)}.\n"
    )


def configuration() -> str:
    """The page of the configuration."""
    return (
        "# Configuration\n\n"
        + GENERATED
        + dedent("""
        One YAML file, given with `--config` or `TOKMETER_CONFIG`; without a file its text may stand in the variable
        `TOKMETER_CONFIGURATION`, which is how an injected sidecar gets it. Every key has a default, so an empty file is
        valid. An unknown key, a wrong type or a value that cannot be meant ends the start with exit code 2 and one
        message: file (or variable), line, key and what to do. Scalars follow YAML 1.2: `off` is a word, not false.

        ```yaml
        """)
        + EXAMPLE
        + "```\n"
        + "".join(section("", Config))
    )


def injection() -> str:
    """The page of the injector's settings."""
    return (
        "# Settings of the injector\n\n"
        + GENERATED
        + dedent("""
        One YAML file, given to `tokmeter inject` with `--settings`, and read as strictly as the
        [configuration](configuration.md): an unknown key, a wrong type or a value that cannot be meant is told with file,
        line, key and what to do. `configuration` and `budgets` are mappings of that page. What pods and namespaces ask for
        by labels and annotations is in the [guide](../guides/kubernetes.md).

        """)
        + "```yaml\n"
        + INJECTION_EXAMPLE
        + "```\n"
        + "".join(section("", Injection, elsewhere=(Config, BudgetConfig)))
    )


def section(place: str, struct: type, *, elsewhere: tuple[type, ...] = ()) -> Iterator[str]:
    """One table for a mapping of the file, and then those inside it that have no page of their own `elsewhere`."""
    shape = inspect.type_info(struct)
    if not isinstance(shape, inspect.StructType):
        raise TypeError(struct)
    inside: list[tuple[str, type]] = []
    rows = []
    for field in shape.fields:
        meaning, kind = "", field.type
        if isinstance(kind, inspect.Metadata):
            meaning, kind = str((kind.extra_json_schema or {})["description"]), kind.type
        name, nested = described(kind)
        inside.extend((joined(place, field.name, kind), cls) for cls in nested if cls not in elsewhere)
        rows.append((f"`{field.name}`", name, default(field), meaning))
    yield f"\n## {f'`{place}`' if place else 'The file'}\n\n{cleandoc(shape.cls.__doc__ or '')}\n\n"
    yield table(("key", "type", "default", "meaning"), rows)
    for key, cls in inside:
        yield from section(key, cls, elsewhere=elsewhere)


def joined(place: str, name: str, kind: inspect.Type) -> str:
    """The place of a mapping inside another."""
    listed = "[]" if isinstance(kind, inspect.VarTupleType) else ""
    return f"{place}.{name}{listed}" if place else f"{name}{listed}"


def described(kind: inspect.Type) -> tuple[str, list[type]]:
    """A type in words, and the mappings in it."""
    match kind:
        case inspect.StructType(cls=cls):
            return "mapping", [cls]
        case inspect.VarTupleType(item_type=item):
            name, nested = described(item)
            return f"list of {name}s", nested
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values), []
        case inspect.UnionType(types=types):
            parts = [described(t) for t in types if not isinstance(t, inspect.NoneType)]
            return " or ".join(name for name, _ in parts), [cls for _, nested in parts for cls in nested]
    names: dict[type[inspect.Type], str] = {
        inspect.StrType: "text",
        inspect.IntType: "whole number",
        inspect.DecimalType: "number",
        inspect.BoolType: "true or false",
    }
    return names[type(kind)], []


def default(field: inspect.Field) -> str:
    """The default in YAML's words."""
    if field.required:
        return "required"
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, (str, int, Decimal)):
        return f"`{value}`"
    if isinstance(value, tuple) and value:
        return f"`[{', '.join(map(str, value))}]`"
    return "" if value in (None, ()) or isinstance(value, msgspec.Struct) or field.default_factory else f"`{value}`"


def schema() -> str:
    """The statements that the migrations leave behind."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as memory:
        migrate(memory)
        rows = memory.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    return ";\n\n".join(dedent(" " * 8 + statement).strip() for (statement,) in rows)


def ledger() -> str:
    """The page of the ledger."""
    columns = [
        (f"`{c.name}`", c.declared.replace(" NOT NULL", ", not null").replace(" UNIQUE", ", unique"), c.meaning)
        for c in ENTRY
    ]
    introduction = f"""
        One SQLite file (write-ahead log, `synchronous=FULL`), schema version {VERSION}, that any SQLite program can read
        while tokmeter writes to it. One row an exchange, written once by its id; rows neither change nor go. A correction
        is a row of its own in `correction`, and the view `net_entry` has them applied. It holds names, numbers and
        instants: no prompt, no reply, no key.

        `tokmeter report --by` groups calls to models by: {words(DIMENSIONS)}.
        Hours, days and months are UTC. Percentiles of the cost of one call are exact (nearest rank), over priced calls
        that were not refused.
    """
    parts = (
        "# The ledger",
        GENERATED.rstrip(),
        dedent(introduction).strip(),
        fenced(QUERIES),
        "## Columns of `entry`",
        table(("column", "type", "meaning"), columns).rstrip(),
        "## Schema",
        fenced(schema() + ";\n"),
    )
    return "\n\n".join(parts) + "\n"


def fenced(statements: str) -> str:
    """Statements as Markdown shows them."""
    return f"```sql\n{statements}```"


def words(names: tuple[str, ...]) -> str:
    """Names as a list in a sentence."""
    return ", ".join(f"`{name}`" for name in names)


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def cli() -> str:
    """The page of the commands."""
    introduction = """
        Data goes to standard output, words to standard error. The status is 0 when all is well, 1 when something failed,
        2 for wrong use or a wrong configuration, 130 after an interrupt; `tokmeter run` ends with its command's status.
        An error is one line, then where known `at:` with the place and `hint:` with what to do.

        `TOKMETER_CONFIG` names the configuration where `--config` does not, and `TOKMETER_CONFIGURATION` may hold its text
        where neither names a file. Without any there are the defaults, and everything is kept in
        `$XDG_STATE_HOME/tokmeter`, or `~/.local/state/tokmeter`.
    """
    files = [HELP / "tokmeter.txt"]
    for name in SUMMARIES:
        files += [HELP / f"{name}.txt", *sorted(HELP.glob(f"{name}-*.txt"))]
    parts = [f"## `{title(file)}`\n\n```text\n{file.read_text(encoding='utf-8')}```" for file in files]
    return "\n\n".join(("# Commands", GENERATED.rstrip(), cleandoc(introduction), *parts)) + "\n"


def title(file: Path) -> str:
    """The command that a file of help is about."""
    return "tokmeter" if file.stem == "tokmeter" else f"tokmeter {file.stem.replace('-', ' ')}"


def providers() -> str:
    """The page of what is metered."""
    hosts: dict[tuple[str, str], list[str]] = {}
    for host, provider, dialect in built_in_hosts():
        hosts.setdefault((provider, dialect), []).append(f"`{host}`")
    rows = [(f"`{provider}`", f"`{dialect}`", ", ".join(names)) for (provider, dialect), names in hosts.items()]
    paths = [
        (f"`{dialect}`", f"`{method} {path}`", f"`{operation}`", how)
        for dialect, method, path, operation, how in coverage()
    ]
    return (
        "# Providers\n\n"
        + GENERATED
        + dedent("""
        ## Hosts

        Metered without being configured. A leading dot stands for any names before it, a `*` for anything inside one
        name. Any other host is one entry of [`providers`](configuration.md) away: most servers speak `openai`. By
        [base URL](../guides/sidecar.md#by-base-url) a provider is called at the first of its hosts that is neither.

        """)
        + table(("provider", "dialect", "hosts"), rows)
        + dedent("""
        A request to any other host that can be read (plain HTTP, a recording) is metered if its path is one of a model's
        and its body gives one something to read; its provider is then called after its dialect, as in
        `openai-compatible`, and has a price only where one is configured.

        ## Operations

        What stands before a path (`/v1`, `/openai/v1`, a gateway's prefix) does not matter, and every host answers to the
        paths of `openai` and `anthropic`. *Counted* means: with the model's own tokenizer where its vocabulary is public,
        else estimated; the provenance of each exchange says which. A reply that breaks off is counted as far as it came.

        """)
        + table(("dialect", "path", "operation", "how its usage is known"), paths)
        + dedent("""
        Lists, reads and deletions are free (`admin`). Any other path on a metered host is passed on, its cost unknown, and
        counted in `tokmeter_unmetered_exchanges_total{reason="unknown_operation"}`. Not seen at all: media over WebRTC,
        gRPC, and what leaves by another way than the proxy.
        """)
    )


PAGE: dict[str, Callable[[], str]] = {
    "cli": cli,
    "metrics": metrics,
    "configuration": configuration,
    "injection": injection,
    "ledger": ledger,
    "providers": providers,
}


def main(arguments: list[str]) -> int:
    """Writes or checks the pages; the exit code."""
    stale = []
    for name, write in PAGE.items():
        path, text = PAGES / f"{name}.md", write()
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(path.name)
            if "--check" not in arguments:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    if stale and "--check" in arguments:
        print(f"not what the program says: {', '.join(stale)}; run scripts/reference.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
