"""Every bound of the exporters with its unit and reason."""

CONNECTIONS_MAX = 32
"""HTTP connections served at once, a thread each; scrapers need one or two."""

SUBSCRIBERS_MAX = 16
"""Readers of the event stream at once: each holds a connection and a queue, and some must be left for scrapes."""

SUBSCRIBER_LINES_MAX = 2_000
"""Lines waiting for one reader, about 1 KB each: two seconds at a thousand exchanges a second."""

SOCKET_S = 10.0
"""Seconds that a client may take for its request, and to take a piece of the answer."""

WATCH_S = 1.0
"""Seconds between looks at whether a silent reader of the event stream is still there."""

STOP_POLL_S = 0.1
"""Seconds between looks at whether the server should stop: what stopping may take."""
