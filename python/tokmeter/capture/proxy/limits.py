"""Bounds of everything the proxy keeps, each with its unit and reason."""

from typing import Final

BODY_BYTES: Final = 32 * 1024 * 1024
"""Bytes of a request body held for admission. Larger bodies (files, images) are passed on as they arrive."""

CONNECTIONS: Final = 16_384
"""Client connections at once. Each costs two descriptors and, with TLS, about 170 kB."""

DESCRIPTORS: Final = 65_536
"""Open files asked of the system at start: client and upstream side of `CONNECTIONS`, with room to spare."""

BACKLOG: Final = 1024
"""Connections the kernel holds before they are accepted: a burst of starting workers."""

UPSTREAMS_PER_CLIENT: Final = 256
"""Upstream connections of one client connection and address. An HTTP/2 client in front of an HTTP/1 provider needs one
a stream, and such clients are told 100 streams."""

UNSENT_BYTES: Final = 8 * 1024 * 1024
"""Bytes kept for an HTTP/2 client that does not read before its upstream connections are read no further. HTTP/1 has
the kernel's buffers for this; for HTTP/2 mitmproxy would keep whole replies."""

ADDRESSES_TRIED: Final = 8
"""Addresses of one name tried in turn."""

HEADER_BYTES: Final = 256 * 1024
"""Bytes of an HTTP/1 head that has not ended yet. Providers refuse far less."""

REFUSALS_REMEMBERED: Final = 1024
"""Clients remembered for not trusting the certificate authority, least recently seen forgotten first."""

REFUSAL_WEIGHT: Final = 2
"""A client is passed on from this weight. An alert about the certificate has all of it, a bare hang-up one: asyncio's
clients refuse without a word, and others may have been cancelled."""

REFUSAL_SECONDS: Final = 300
"""How long a client that refused is passed on unread before it is tried again: its trust may have been put right."""

LEAF_RENEWAL_SECONDS: Final = 86_400
"""A cached leaf certificate that ends sooner than this is made anew."""

AUTHORITY_DAYS: Final = 365
"""Life of the certificate authority."""

AUTHORITY_RENEWAL_DAYS: Final = 30
"""At start, an authority that ends sooner than this is replaced."""

ROOT_FILE_BYTES: Final = 16 * 1024 * 1024
"""Bytes of one file of trusted roots; the largest bundles in use are below 1 MB."""
