/* Which TLS with LLMs no function that is attached to has shown in plain. A descriptor whose first bytes greet an LLM
 * has its bytes counted, and is covered as soon as a thread uses it that has moved plaintext of an LLM since: TLS
 * libraries write to and read from descriptors in the thread that calls them, or it does so itself right after. The
 * greeting is read where it lies in the traced process; handed over is the name of the server alone, and only if it is
 * an LLM's.
 */
#ifndef TOKMETER_AUDIT_H
#define TOKMETER_AUDIT_H

/* Lengths of parts of a greeting, RFC 8446, 4.1.2 and 5.1. */
#define GREETING_HEAD	    6  /* of the record, and the type of the message */
#define GREETING_FIXED	    43 /* all that comes before the session's id */
#define GREETING_EXTENSIONS 64 /* looked through; programs send about twenty, some in an order of chance */
#define NAME_HEAD	    5  /* of the extension with the server's name */

/* The number of so many bytes, in network order, in the traced process; 0 if it cannot be read. */
static __always_inline __u64 number_at(__u64 place, const __u64 bytes)
{
	unsigned char read[2] = {};
	if (READ_USER(read, bytes, (const void *)place))
		return 0;
	return bytes == 2 ? read[0] << 8 | read[1] : read[0];
}

/* Where the name of the server is in the greeting that a call has sent; 0 if there is none. `call->offset` is where it
 * is looked for, `call->count_at` becomes its length. */
static __always_inline __u64 name_in_greeting(volatile struct call *call)
{
	__u64 end = call->base + call->size;
	call->offset = call->base + GREETING_FIXED;
	call->offset += 1 + number_at(call->offset, 1); /* the session's id */
	call->offset += 2 + number_at(call->offset, 2); /* cipher suites */
	call->offset += 1 + number_at(call->offset, 1); /* compression */
	call->offset += 2;
	for (int extension = 0; extension < GREETING_EXTENSIONS; extension++) {
		unsigned char head[4] = {};
		if (call->offset + sizeof(head) > end || READ_USER(head, sizeof(head), (const void *)call->offset))
			break;
		if (head[0] == 0 && head[1] == 0) {
			call->offset += sizeof(head) + NAME_HEAD;
			call->count_at = number_at(call->offset - 2, 2);
			return call->offset;
		}
		call->offset += sizeof(head) + (head[2] << 8 | head[3]);
	}
	return 0;
}

/* Whether a name is an LLM's. If it is, that it was greeted is told. */
static __always_inline __u32 greets(const struct connection_key *key, __u64 name, __u64 length, __u64 port)
{
	if (length == 0 || length >= NAME_BYTES_MAX)
		return SERVER_OTHER;
	struct record *record = ring_reserve(events, sizeof(struct head) + HEAD_BYTES_MAX);
	if (!record) {
		count(COUNTER_LOST);
		return SERVER_UNKNOWN;
	}
	__u64 size = length & (NAME_BYTES_MAX - 1);
	if (READ_USER(record->data, size, (const void *)name) ||
	    !is_named(record->data, 0, size, HASH_BASIS, '.', '.')) {
		ring_discard(events, record);
		return SERVER_OTHER;
	}
	fill(&record->head, key, KIND_GREETING);
	record->head.offset = port;
	record->head.length = size;
	ring_submit(events, record);
	return SERVER_LLM;
}

/* Whether a greeting begins here. What is known of its descriptor is kept. */
static __always_inline int greeted(const struct connection_key *key, volatile struct call *call, __u64 port)
{
	unsigned char first[GREETING_HEAD] = {};
	if (call->size == 0 && !next_segment(call))
		return 0;
	if (call->size < GREETING_FIXED || READ_USER(first, sizeof(first), (const void *)call->base))
		return 0;
	if (first[0] != 0x16 || first[1] != 3 || first[5] != 1)
		return 0;
	__u64 name = name_in_greeting(call);
	struct connection fresh = {
	    .greeted = bpf_ktime_get_ns(), .stage = STAGE_IGNORED, .server = SERVER_OTHER, .port = port};
	if (name)
		fresh.server = greets(key, name, call->count_at, port);
	if (fresh.server == SERVER_LLM)
		fresh.stage = STAGE_GREETED;
	map_update(connections, key, &fresh);
	return 1;
}

/* Whether bytes of a descriptor are TLS, of which nothing is to be copied. */
static __always_inline int audited(const struct connection_key *key, __u32 direction, volatile struct call *call)
{
	struct connection *connection = map_lookup(connections, key);
	if (!connection || connection->stage == STAGE_NEW)
		return direction == DIRECTION_SENT && greeted(key, call, connection ? connection->port : 0);
	if (connection->stage != STAGE_GREETED && connection->stage != STAGE_COVERED)
		return connection->stage == STAGE_IGNORED;
	if (connection->stage == STAGE_GREETED) {
		__u64 thread = bpf_get_current_pid_tgid();
		__u64 *spoken = map_lookup(speakers, &thread);
		if (spoken && *spoken > connection->greeted)
			connection->stage = STAGE_COVERED;
	}
	__sync_fetch_and_add(direction == DIRECTION_SENT ? &connection->sent : &connection->received, call->length);
	return 1;
}

#endif
