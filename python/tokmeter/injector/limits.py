"""Every bound of the webhook with its unit and reason."""

REVIEW_BYTES_MAX = 16 << 20
"""Bytes of a review. The API server takes objects of 3 MiB; escaped as JSON they grow, and a review may hold two."""

BODIES_BYTES_MAX = 64 << 20
"""Bytes of bodies held over all connections: four of the largest, or sixty of a megabyte."""

BODY_PIECE_BYTES = 1 << 20
"""Bytes of a body that are asked for at once: a client that stalls holds no more than it has sent, and this."""

CONNECTIONS_MAX = 256
"""Connections served at once, a thread each. An API server opens one for each admission that runs beside others."""

STATUS_CONNECTIONS_MAX = 32
"""The same for metrics and probes."""

DECISIONS_MAX = 1
"""Pods looked at at once. They share one interpreter: two at once would each take twice as long, and nobody sooner."""

IDLE_S = 300.0
"""Seconds that a kept connection may be silent. Go's clients give theirs up after 90."""

HANDSHAKE_S = 10.0
"""Seconds for the whole TLS handshake; the API server waits 10 by default for the whole answer."""

HEAD_S = 10.0
"""Seconds from the first byte of a request to the end of its head."""

BODY_S = 20.0
"""Seconds for the whole body. No webhook may take longer than 30."""

DEADLINE_SLACK_S = 0.1
"""Seconds that what is read may end after its deadline: to be exact would take one more system call for each 16 KiB."""

ROOM_S = 5.0
"""Seconds to wait for others' bodies to be done with; then the API server is told to go on without us."""

SEND_S = 10.0
"""Seconds for the answer to be taken."""

STOP_POLL_S = 0.1
"""Seconds between looks at whether the server should stop: what stopping may take."""

LINGER_S = 2.0
"""Seconds that connections are still accepted after SIGTERM: until every node has heard that this pod is leaving."""

DRAIN_S = 2.0
"""Seconds that open requests may take after that. Together with `LINGER_S` less than 5."""

WARNINGS_MAX = 8
"""Warnings of one answer: they end up on somebody's terminal."""

WARNING_CHARS_MAX = 256
"""Characters of a warning: what the API server's documentation asks for; it cuts longer ones off at 4096 in all."""

NAMESPACES_MAX = 20_000
"""Namespaces held, a few KB each. Clusters are tested to 10,000; of those beyond, labels are asked for one by one."""

LOOKUP_S = 1.0
"""Seconds to ask for a namespace that is not known yet: the pod waits meanwhile."""

REQUEST_S = 10.0
"""Seconds for any other request to the API server."""

WATCH_S = 240
"""Seconds after which a watch is begun anew, asked of the API server: a connection that died in silence ends so."""

RETRY_MIN_S = 1.0
"""Seconds to wait after a first failure; doubled with each."""

RETRY_MAX_S = 30.0
"""Seconds to wait after many."""

VERSION_S = 600.0
"""Seconds between looks at the version of the cluster, which an upgrade changes."""

EVENTS_QUEUED_MAX = 256
"""Events waiting to be written, 1 KB each."""

EVENT_REPEAT_S = 600.0
"""Seconds in which an owner is told the same thing once: a ReplicaSet with a hundred replicas asks a hundred times."""

EVENTS_REMEMBERED_MAX = 4096
"""Owner and reason pairs remembered for that, 200 bytes each."""

EVENTS_PER_S = 5.0
"""Events a second, for long. The API server itself takes one a second from a source about one object."""

EVENTS_BURST = 50.0
"""Events at once, after a quiet time."""

EVENT_CHARS_MAX = 1024
"""Characters of an event's message: the API server refuses longer ones."""

AUTHORITY_DAYS = 365
"""Days that an authority of ours lasts."""

AUTHORITY_RENEWAL_DAYS = 60
"""Days before the end at which the next authority is made."""

LEAF_HOURS = 72
"""Hours that a serving certificate lasts: an API server that is away from this process over a weekend still gets in."""

LEAF_RENEWAL_HOURS = 48
"""Hours before the end at which the next serving certificate is made."""

CLOCK_SKEW_S = 3600
"""Seconds that a new certificate is valid before it was made: clocks differ between nodes."""

SETTLE_S = 600
"""Seconds that a new authority is in the bundle before it signs: every API server must have seen it by then."""

CHECK_S = 30.0
"""Seconds between looks at what is shared: so long may one replica not know what another did."""

FILE_CHECK_S = 2.0
"""Seconds between looks at certificate files; the kubelet itself may take a minute to bring new ones."""

BUNDLE_MAX = 8
"""Certificates in a bundle: at two a year there are two or three."""

CONFLICTS_MAX = 5
"""Tries to write what another replica writes too."""

CAUSES_MAX = 16
"""Exceptions beneath each other that are looked through for what happened; four are usual."""
