"""Every bound of the tracer's Python side, with unit and reason. Those of the programs are in ``programs/*.h``."""

POLL_S = 0.01
"""How long the consumer sleeps when the ring is empty: nothing wakes it, because waking costs the traced process more than
copying does."""

COUNT_S = 1.0
"""How often the consumer counts, and ends what was silent for too long."""

SCAN_S = 1.0
"""How often the selection and the libraries of its processes are looked at again."""

SCAN_PROCESSES = 64
"""Processes whose libraries are looked at again in one scan."""

NEWCOMER_SCANS_S = (0.05, 0.15, 0.4)
"""When the libraries of a new process are looked at, seconds after it was seen: it maps them while it starts."""

RING_BYTES = 8 << 20
"""Room for what is seen between two looks of the consumer: 500 pieces of 16 KiB."""

PROCESSES_MAX = 16_384
"""Processes traced at once; also the size of the kernel's table of them."""

MAPS_BYTES_MAX = 4 << 20
"""Bytes of ``/proc/PID/maps`` that are read. A Java process has about half a megabyte."""

LIBRARIES_FRESH_S = 10.0
"""How long it stands where libraries are installed below a root. What a process has mapped is looked at whatever that says."""

ROOTS_MAX = 256
"""Roots of file systems whose libraries are remembered: that of the host, and one for each container."""

IMAGES_MAX = 4096
"""Executables and libraries whose functions are remembered."""

IMAGE_BYTES_MAX = 1 << 30
"""Bytes of an executable that is looked into for TLS functions. Bundled applications have a few hundred megabytes."""

DESCRIPTORS_WANTED = 65_536
"""Descriptors that the tracer asks for. A process whose libraries are attached to for it alone takes some twenty."""

LEAVING_MAX = 512
"""Instructions that wait for being detached from: while there are more, no file is attached to for one process alone. The kernel
detaches from about ten a second, and each is an open descriptor."""

IDLE_FILE_S = 300.0
"""How long a file stays attached to when the last process that used it has ended: jobs come back."""

GREETED_MAX = 16_384
"""Connections to LLMs that are audited at once; also the size of the kernel's table of connections."""

UNMETERED_BYTES_MIN = 256
"""Bytes that a connection must have sent after its greeting to be listed. The end of a handshake and the beginning of HTTP/2
take about 200, a request for a completion takes more."""

SETTLED_S = 2.0
"""How long a connection has time to turn out to be covered before it is listed, unless it ends earlier."""

UNMETERED_ROWS_MAX = 1000
"""Processes and hosts that are listed apart."""

SEARCHED_BYTES_MAX = 512 << 20
"""Bytes of a process's files that are searched for words. An agent that comes as one file has about 200 MB."""

BLOCK_BYTES = 1 << 20
"""Bytes that are searched at a time, in about half a millisecond."""

REASONS_WAIT_S = 5.0
"""How long the end of the tracer waits for reasons that are still looked for."""

PROXIES_FRESH_S = 5.0
"""How long it stands which processes are proxies of tokmeter."""

COMMAND_BYTES = 4096
"""Bytes of a command line that are read to find out."""

SOCKETS_BYTES = 4 << 20
"""Bytes of the table of sockets of a proxy's network that are read: about 25,000 sockets."""

NAMES_MAX = 1024
"""Names of LLMs whose addresses are asked for; some 300 are built in."""

NAMES_FRESH_S = 60.0
"""How long answers stand while something is stopped: providers give out other addresses every few minutes."""

LOOKUPS_AT_ONCE = 16
"""Names that are asked for at the same time: an ordinary resolver answers all in about a second."""

ALIASES_MAX = 64
"""Fields of a line of a hosts file that are read."""

DESTINATIONS_MAX = 8192
"""Addresses of LLMs; also the size of the kernel's table of them."""

DESCRIPTORS_MAX = 16_384
"""Descriptors of a stopped process that are looked at in one turn."""
