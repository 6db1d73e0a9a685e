"""Every bound of the stores with its unit and reason."""

QUEUED_ROWS_MAX = 20_000
"""Rows waiting to be written, about 1 KB each: half a minute at 600 exchanges a second while a disk is away."""

BATCH_ROWS_MAX = 512
"""Rows of one commit: beyond a hundred a commit is no longer what it costs."""

STATEMENT_ROWS = 64
"""Rows of one statement while many wait. After each statement the writer queues for the interpreter behind the traffic;
row by row, a busy proxy would outrun it. Times the columns of an entry this stays under SQLite's 32,766 values."""

GATHER_S = 0.01
"""Seconds that a row waits for company, so that busy times pay one disk flush for many rows."""

BUSY_MS = 250
"""Milliseconds that SQLite itself waits for a lock before the writer backs off."""

BACKOFF_S_MIN = 0.05
BACKOFF_S_MAX = 5.0
"""Seconds between attempts while the store fails, doubling."""

ERROR_CHARS_MAX = 200
"""Characters of a store's own message that are kept."""

READ_ROWS = 1_000
"""Rows fetched at a time: a report over a year does not hold a year in memory."""

CALIBRATIONS_MAX = 256
"""Models whose calibration is read or waits to be written: as many as the core learns of."""

PROBE_BYTES_MAX = 16 << 20
"""Bytes of a ledger up to which opening checks every page; larger ones would delay the start by seconds."""
