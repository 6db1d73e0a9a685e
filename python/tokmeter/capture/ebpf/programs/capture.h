/* The way of one piece of plaintext: from the buffer of a call to records of the ring. */
#ifndef TOKMETER_CAPTURE_H
#define TOKMETER_CAPTURE_H

/* Whether the connection that begins with these bytes is captured. */
static __always_inline __u32 decide(struct connection *connection, const char *buffer, __u64 length)
{
	unsigned char first[9] = {};
	__u32 zero = 0;
	struct settings *chosen = map_lookup(settings, &zero);
	if (!chosen || length < sizeof(first) || READ_USER(first, sizeof(first), buffer))
		return STAGE_NEW;
	__u32 begins = opening(first);
	if (begins == OPENING_NONE)
		return STAGE_NEW;
	if (connection->server == SERVER_LLM)
		return STAGE_CAPTURED;
	if (begins != OPENING_HTTP1) {
		if (connection->server == SERVER_OTHER) {
			count(COUNTER_IGNORED);
			return STAGE_IGNORED;
		}
		if (!chosen->strict)
			return STAGE_CAPTURED;
		count(COUNTER_UNNAMED);
		return STAGE_IGNORED;
	}
	struct record *record = ring_reserve(events, sizeof(struct head) + MEDIUM);
	if (!record) {
		count(COUNTER_LOST);
		return STAGE_NEW;
	}
	__u64 size = length;
	OPAQUE(size);
	if (size > HEAD_BYTES_MAX)
		size = HEAD_BYTES_MAX;
	__u32 stage = STAGE_NEW;
	if (!READ_USER(record->data, size, buffer)) {
		volatile struct places *places = (volatile struct places *)(record->data + HEAD_BYTES_MAX);
		stage = names_llm(record->data, size, places) ? STAGE_CAPTURED : STAGE_IGNORED;
	}
	ring_discard(events, record);
	if (stage == STAGE_IGNORED)
		count(COUNTER_IGNORED);
	return stage;
}

static __always_inline void fill(struct head *head, const struct connection_key *key, __u32 kind)
{
	head->kind = kind;
	head->layer = key->layer;
	head->direction = 0;
	head->flags = 0;
	head->process = key->process;
	head->handle = key->handle;
	head->offset = 0;
	head->instant = bpf_ktime_get_ns();
	head->length = 0;
	head->reserved = 0;
}

/* One record, copied and handed over. `room` is a size class, and a constant once this is inlined. */
static __always_inline void emit(const struct connection_key *key, __u32 direction, volatile struct call *call,
				 __u64 length, const __u64 room)
{
	struct record *record = ring_reserve(events, sizeof(struct head) + room);
	if (!record) {
		count(COUNTER_LOST);
		return;
	}
	fill(&record->head, key, KIND_DATA);
	record->head.direction = direction;
	record->head.flags = call->flags;
	record->head.offset = call->offset;
	__u64 size = length;
	OPAQUE(size);
	if (size > room)
		size = room;
	if (READ_USER(record->data, size, (const void *)call->base)) {
		count(COUNTER_LOST);
		ring_discard(events, record);
		return;
	}
	record->head.length = size;
	ring_submit(events, record);
	count(COUNTER_RECORDS);
}

/* One of the buffers that a call was given. */
struct segment {
	__u64 base;
	__u64 length;
};

/* The connection if it is captured. Decides that by what is sent first. */
static __always_inline struct connection *captured(const struct connection_key *key, volatile struct call *call,
						   __u32 direction)
{
	struct connection *connection = map_lookup(connections, key);
	call->flags = 0;
	if (!connection || connection->stage == STAGE_NEW) {
		if (direction != DIRECTION_SENT)
			return 0;
		struct connection fresh = {};
		if (connection)
			fresh.server = connection->server;
		__u64 length = call->size < call->length ? call->size : call->length;
		fresh.stage = decide(&fresh, (const char *)call->base, length);
		if (fresh.stage == STAGE_NEW)
			return 0;
		map_update(connections, key, &fresh);
		connection = map_lookup(connections, key);
		call->flags = FLAG_BEGIN;
	}
	return connection && connection->stage == STAGE_CAPTURED ? connection : 0;
}

/* Moves on to the next segment; 0 if there is none. */
static __always_inline int next_segment(volatile struct call *call)
{
	struct segment segment = {};
	if (call->count == 0 || READ_USER(&segment, sizeof(segment), (const void *)call->segments))
		return 0;
	call->segments += sizeof(segment);
	call->count--;
	call->base = segment.base;
	call->size = segment.length;
	return 1;
}

/* What this thread does with descriptors from now on may be what carries the plaintext that was just seen. */
static __always_inline void speak(void)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 now = bpf_ktime_get_ns();
	map_update(speakers, &thread, &now);
}

/* `call->length` bytes that a call has moved one way on a connection of an allowed process. */
static __always_inline void capture(const struct connection_key *key, __u32 direction, volatile struct call *call)
{
	if (call->size == 0 && !next_segment(call))
		return;
	struct connection *connection = captured(key, call, direction);
	if (!connection)
		return;
	if (key->layer == LAYER_TLS)
		speak();
	__u64 *position = direction == DIRECTION_SENT ? &connection->sent : &connection->received;
	call->offset = __sync_fetch_and_add(position, call->length);
	for (int piece = 0; piece < PIECES_MAX; piece++) {
		if (call->length == 0)
			return;
		if (call->size == 0 && !next_segment(call))
			break;
		__u64 size = call->size < call->length ? call->size : call->length;
		if (size <= SMALL) {
			emit(key, direction, call, size, SMALL);
		} else if (size <= MEDIUM) {
			emit(key, direction, call, size, MEDIUM);
		} else {
			size = size < LARGE ? size : LARGE;
			emit(key, direction, call, size, LARGE);
		}
		call->base += size;
		call->size -= size;
		call->offset += size;
		call->length -= size;
		call->flags = 0;
	}
	if (call->length)
		count(COUNTER_OVERLONG);
}

static __always_inline void announce(const struct connection_key *key, __u32 kind)
{
	struct head *record = ring_reserve(events, sizeof(struct head));
	if (!record) {
		count(COUNTER_LOST);
		return;
	}
	fill(record, key, kind);
	ring_submit(events, record);
}

/* What went over a connection that was greeted. */
static __always_inline void tell_traffic(const struct connection_key *key, const struct connection *connection)
{
	struct record *record = ring_reserve(events, sizeof(struct head) + sizeof(struct connection));
	if (!record) {
		count(COUNTER_LOST);
		return;
	}
	fill(&record->head, key, KIND_TRAFFIC);
	record->head.length = sizeof(struct connection);
	__builtin_memcpy(record->data, connection, sizeof(struct connection));
	ring_submit(events, record);
}

/* The connection is gone: forgotten, and told if it was captured. */
static __always_inline void forget(const struct connection_key *key)
{
	struct connection *connection = map_lookup(connections, key);
	if (!connection)
		return;
	if (connection->stage == STAGE_CAPTURED)
		announce(key, KIND_CLOSE);
	if (connection->stage == STAGE_GREETED || connection->stage == STAGE_COVERED)
		tell_traffic(key, connection);
	map_delete(connections, key);
}

#endif
