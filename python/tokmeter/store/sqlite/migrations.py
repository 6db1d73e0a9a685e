"""The schema as an ordered list of numbered steps, each applied once and recorded.

Owns the tables, views and triggers. Refuses to change a step that was released: a change is a new step, with its
statements written out, so that an old ledger and a new one end up the same.
"""

import sqlite3
from collections.abc import Callable

type Migration = Callable[[sqlite3.Connection], None]

_COUNTS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "audio_input_tokens",
    "audio_output_tokens",
    "image_input_tokens",
    "image_output_tokens",
    "web_search_requests",
)


def m001_entry(connection: sqlite3.Connection) -> None:
    """One row for each finished exchange."""
    connection.execute(
        f"""
        CREATE TABLE entry (
            sequence INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            time_ns INTEGER NOT NULL,
            duration_ns INTEGER NOT NULL,
            first_chunk_ns INTEGER,
            capture TEXT NOT NULL,
            llm INTEGER NOT NULL,
            provider TEXT NOT NULL,
            operation TEXT NOT NULL,
            request_model TEXT,
            response_model TEXT,
            stream INTEGER NOT NULL,
            status INTEGER NOT NULL,
            {", ".join(f"{name} INTEGER" for name in _COUNTS)},
            provenance TEXT NOT NULL,
            defects TEXT NOT NULL,
            cost_nano_usd INTEGER,
            priced INTEGER NOT NULL,
            decision TEXT NOT NULL,
            would_refuse INTEGER NOT NULL,
            budget TEXT,
            reason TEXT,
            outcome TEXT NOT NULL,
            retry INTEGER NOT NULL,
            key_fingerprint TEXT,
            service TEXT,
            pid INTEGER,
            process TEXT,
            container TEXT,
            pod TEXT,
            namespace TEXT,
            organization TEXT,
            user TEXT,
            alerts TEXT NOT NULL
        ) STRICT
        """
    )
    connection.execute("CREATE INDEX entry_time ON entry (time_ns)")


def m002_correction(connection: sqlite3.Connection) -> None:
    """Rows that adjust an entry."""
    connection.execute(
        f"""
        CREATE TABLE correction (
            sequence INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            corrects TEXT NOT NULL,
            reason TEXT NOT NULL,
            {", ".join(f"{name} INTEGER" for name in _COUNTS)},
            cost_nano_usd INTEGER
        ) STRICT
        """
    )
    connection.execute("CREATE INDEX correction_corrects ON correction (corrects)")


def m003_append_only(connection: sqlite3.Connection) -> None:
    """No row changes or goes, whoever asks."""
    for table in ("entry", "correction"):
        for verb in ("UPDATE", "DELETE"):
            connection.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only: write a correction'); END"
            )


def m004_net_entry(connection: sqlite3.Connection) -> None:
    """Entries with their corrections applied: what every reader reads."""
    amounts = (*_COUNTS, "cost_nano_usd")
    added = ", ".join(f"sum({name}) AS {name}" for name in amounts)
    plain_before = "sequence, id, time_ns, duration_ns, first_chunk_ns, capture, llm, provider, operation, "
    plain_before += "request_model, response_model, stream, status"
    plain_after = "priced, decision, would_refuse, budget, entry.reason AS reason, outcome, retry, key_fingerprint, "
    plain_after += "service, pid, process, container, pod, namespace, organization, user, alerts"
    # An amount that was unknown becomes known by a correction of it; without one it stays unknown, not zero.
    net = {
        name: f"CASE WHEN added.{name} IS NULL THEN entry.{name} ELSE ifnull(entry.{name}, 0) + added.{name} END"
        f" AS {name}"
        for name in amounts
    }
    counts = ", ".join(net[name] for name in _COUNTS)
    connection.execute(
        f"CREATE VIEW net_entry AS SELECT {plain_before}, {counts}, "  # noqa: S608 - own names
        f"provenance, defects, {net['cost_nano_usd']}, {plain_after} "
        f"FROM entry LEFT JOIN (SELECT corrects, {added} FROM correction GROUP BY corrects) AS added "
        "ON added.corrects = entry.id"
    )


def m005_readable_views(connection: sqlite3.Connection) -> None:
    """For people with a SQL shell: times as text, money in dollars."""
    connection.execute(
        """
        CREATE VIEW exchanges AS
        SELECT strftime('%Y-%m-%dT%H:%M:%SZ', time_ns / 1000000000, 'unixepoch') AS time, service, provider, operation,
            ifnull(response_model, request_model) AS model, status, outcome, input_tokens, output_tokens,
            provenance, cost_nano_usd / 1e9 AS cost_usd, duration_ns / 1e9 AS duration_s, id
        FROM net_entry
        """
    )
    connection.execute(
        """
        CREATE VIEW spend_by_day AS
        SELECT strftime('%Y-%m-%d', time_ns / 1000000000, 'unixepoch') AS day, service, provider,
            ifnull(response_model, request_model) AS model, count(*) AS calls, sum(input_tokens) AS input_tokens,
            sum(output_tokens) AS output_tokens, sum(cost_nano_usd) / 1e9 AS cost_usd, sum(priced = 0) AS unpriced
        FROM net_entry
        WHERE llm
        GROUP BY 1, 2, 3, 4
        """
    )


def m006_caller(connection: sqlite3.Connection) -> None:
    """Who asked, as far as the wire tells."""
    for name in ("session", "project", "trace", "sdk"):
        connection.execute(f"ALTER TABLE entry ADD COLUMN {name} TEXT")


def m007_net_entry_with_caller(connection: sqlite3.Connection) -> None:
    """The view of `m004_net_entry` with the columns that came after it."""
    amounts = (*_COUNTS, "cost_nano_usd")
    added = ", ".join(f"sum({name}) AS {name}" for name in amounts)
    plain_before = "sequence, id, time_ns, duration_ns, first_chunk_ns, capture, llm, provider, operation, "
    plain_before += "request_model, response_model, stream, status"
    plain_after = "priced, decision, would_refuse, budget, entry.reason AS reason, outcome, retry, key_fingerprint, "
    plain_after += "service, pid, process, container, pod, namespace, organization, user, alerts, "
    plain_after += "session, project, trace, sdk"
    net = {
        name: f"CASE WHEN added.{name} IS NULL THEN entry.{name} ELSE ifnull(entry.{name}, 0) + added.{name} END"
        f" AS {name}"
        for name in amounts
    }
    counts = ", ".join(net[name] for name in _COUNTS)
    connection.execute("DROP VIEW net_entry")
    connection.execute(
        f"CREATE VIEW net_entry AS SELECT {plain_before}, {counts}, "  # noqa: S608 - own names
        f"provenance, defects, {net['cost_nano_usd']}, {plain_after} "
        f"FROM entry LEFT JOIN (SELECT corrects, {added} FROM correction GROUP BY corrects) AS added "
        "ON added.corrects = entry.id"
    )


def m008_calibration(connection: sqlite3.Connection) -> None:
    """What was learned of models: a state, so its rows change, unlike those of the record."""
    connection.execute(
        """
        CREATE TABLE calibration (
            provider TEXT NOT NULL,
            model TEXT NOT NULL,
            input TEXT NOT NULL,
            output TEXT NOT NULL,
            PRIMARY KEY (provider, model)
        ) STRICT, WITHOUT ROWID
        """
    )


MIGRATIONS: tuple[Migration, ...] = (
    m001_entry,
    m002_correction,
    m003_append_only,
    m004_net_entry,
    m005_readable_views,
    m006_caller,
    m007_net_entry_with_caller,
    m008_calibration,
)
"""In order; the number of a step is its position, from one."""

VERSION = len(MIGRATIONS)
"""The schema version that this program reads and writes (SQLite's `user_version`)."""


def migrate(connection: sqlite3.Connection) -> None:
    """Brings an open ledger to `VERSION`; several processes may try at once. Commits. Raises `sqlite3.Error`."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        done = int(connection.execute("PRAGMA user_version").fetchone()[0])
        for step in MIGRATIONS[done:]:
            step(connection)
        # PRAGMA takes no parameters; the value is this module's own integer.
        connection.execute(f"PRAGMA user_version = {max(done, VERSION)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
