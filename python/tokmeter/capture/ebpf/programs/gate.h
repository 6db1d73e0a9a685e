/* Whether a connection is LLM traffic, by the first bytes that are sent on it. Decided in the kernel, before a byte of
 * it is handed over: by the name of the server (asked for in the TLS greeting, or in the Host field), or by the end of
 * the path.
 */
#ifndef TOKMETER_GATE_H
#define TOKMETER_GATE_H

#define NAME_BYTES_MAX 64
#define HEAD_BYTES_MAX 1024

/* Hashes of names are made from their last byte to their first, so that each suffix has its own on the way. */
#define HASH_BASIS 0xcbf29ce484222325ULL
#define HASH_PRIME 0x100000001b3ULL
#define PATH_BASIS 0x84222325cbf29ce4ULL

enum opening {
	OPENING_NONE = 0, /* no request begins here */
	OPENING_HTTP1 = 1,
	OPENING_HTTP2 = 2,
	OPENING_MIDDLE = 3, /* a request in the middle of an HTTP/2 connection, probably */
};

static __always_inline __u32 opening(const unsigned char *first)
{
	__u32 word = first[0] << 24 | first[1] << 16 | first[2] << 8 | first[3];
	switch (word) {
	case 0x504f5354: /* POST */
	case 0x47455420: /* GET */
	case 0x50555420: /* PUT */
	case 0x44454c45: /* DELE */
	case 0x50415443: /* PATC */
	case 0x48454144: /* HEAD */
		return OPENING_HTTP1;
	case 0x50524920: /* PRI */
		return OPENING_HTTP2;
	}
	/* HEADERS (type 1) of at most 16 KiB, no unknown flag, an odd stream. */
	if (first[0] == 0 && first[1] < 0x40 && first[3] == 1 && (first[4] & ~0x2d) == 0 && first[5] == 0 &&
	    (first[8] & 1))
		return OPENING_MIDDLE;
	return OPENING_NONE;
}

static __always_inline __u32 lower(__u32 byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

/* Whether the bytes [begin, end) of a text of HEAD_BYTES_MAX bytes are a name of the table, or end in one. */
static __always_inline int is_named(const char *text, __u64 begin, __u64 end, __u64 hash, __u32 separator, __u32 other)
{
	int found = 0;
	for (int step = 0; step < NAME_BYTES_MAX; step++) {
		if (end <= begin)
			break;
		end--;
		__u64 at = end & (HEAD_BYTES_MAX - 1);
		__u32 byte = lower((unsigned char)text[at]);
		if (byte == separator || byte == other) {
			__u32 *kind = map_lookup(names, &hash);
			if (kind && *kind == NAME_SUFFIX) {
				found = 1;
				break;
			}
		}
		hash = (hash ^ byte) * HASH_PRIME;
	}
	if (!found && end <= begin) {
		__u32 *kind = map_lookup(names, &hash);
		found = kind != 0;
	}
	return found;
}

/* What is known while the head of a request is read; kept in the ring's memory, because the verifier follows every
 * value that a number on the stack can have, and would follow each place where a field may begin. */
struct places {
	__u64 window; /* the last eight bytes */
	__u64 path_end;
	__u64 host_begin;
	__u64 host_end;
};

/* Whether the head of an HTTP/1 request names a server or a path of an LLM. */
static __always_inline int names_llm(const char *text, __u64 length, volatile struct places *places)
{
	places->window = 0;
	places->path_end = 0;
	places->host_begin = 0;
	for (int at = 0; at < HEAD_BYTES_MAX; at++) {
		if (at >= length)
			break;
		__u32 byte = (unsigned char)text[at];
		__u64 window = places->window << 8 | (byte | 0x20);
		places->window = window;
		/* The second space ends the target; a query ends the path. */
		if (places->path_end == 0 && at > 8 && (byte == ' ' || byte == '?'))
			places->path_end = at;
		/* "\nhost:", where a line feed is '*' once bit 5 is set. */
		if ((window & 0xffffffffffffULL) == 0x2a686f73743aULL) {
			places->host_begin = at + 1;
			break;
		}
	}
	__u64 begin = places->host_begin;
	if (begin && begin < HEAD_BYTES_MAX) {
		if (text[begin & (HEAD_BYTES_MAX - 1)] == ' ')
			begin++;
		places->host_begin = begin;
		places->host_end = begin;
		for (int step = 0; step < NAME_BYTES_MAX; step++) {
			__u64 at = begin + step;
			if (at >= length || at >= HEAD_BYTES_MAX)
				break;
			char byte = text[at & (HEAD_BYTES_MAX - 1)];
			if (byte == '\r' || byte == '\n' || byte == ':' || byte == ' ')
				break;
			places->host_end = at + 1;
		}
		if (is_named(text, places->host_begin, places->host_end, HASH_BASIS, '.', '.'))
			return 1;
	}
	__u64 end = places->path_end;
	return end && end <= HEAD_BYTES_MAX && text[0] == 'P' && text[1] == 'O' &&
	       is_named(text, 5, end, PATH_BASIS, '/', ':');
}

/* What a name says that a client asks for in its TLS greeting. `name` is in the traced process, and ends with a zero
 * byte if no length is given. */
static __always_inline __u32 server_named(const char *name, __u64 length)
{
	struct record *record = ring_reserve(events, sizeof(struct head) + MEDIUM);
	if (!record)
		return SERVER_UNKNOWN;
	__u64 size = length;
	if (!length) {
		long copied = READ_USER_TEXT(record->data, NAME_BYTES_MAX, name);
		size = copied > 1 ? copied - 1 : 0;
	} else if (length >= NAME_BYTES_MAX || READ_USER(record->data, length & (NAME_BYTES_MAX - 1), name)) {
		size = 0;
	}
	__u32 server = SERVER_UNKNOWN;
	if (size > 0 && size < NAME_BYTES_MAX - 1)
		server = is_named(record->data, 0, size, HASH_BASIS, '.', '.') ? SERVER_LLM : SERVER_OTHER;
	ring_discard(events, record);
	return server;
}

#endif
