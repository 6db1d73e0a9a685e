/* The maps: who is traced, what is known of connections, what is under way, what was counted. */
#ifndef TOKMETER_STATE_H
#define TOKMETER_STATE_H

struct settings {
	__u32 everybody; /* 1: every process but the tracer's own */
	__u32 own_process;
	__u32 strict;	    /* 1: a connection whose server is not known to be an LLM's is not captured */
	__u32 child_offset; /* of the child's id in the event of a fork */
	__u32 namespace;    /* of processes, in which their ids are; 0: the machine's */
	__u32 padding;
};

ONE(settings, struct settings);

/* Processes that may be looked at. Nothing of any other is copied. */
HASH(allowed, __u32, __u32, 16384);

/* Names of servers and ends of paths that are an LLM's, as hashes; see gate.h. */
#define NAME_WHOLE  1 /* the name itself */
#define NAME_SUFFIX 2 /* what follows a separator */
HASH(names, __u64, __u32, 4096);

/* Processes that are refused new connections to the destinations below. */
HASH(stopped, __u32, __u32, 16384);

/* Where a connection goes: an IPv6 address as it lies in memory (an IPv4 address mapped to one), the port in network
 * order.
 */
struct destination {
	__u64 first;
	__u64 second;
	__u64 port;
};

HASH(destinations, struct destination, __u32, 8192);

struct connection_key {
	__u64 handle;
	__u32 process;
	__u32 layer;
};

enum stage {
	STAGE_NEW = 0, /* nothing was seen of it that decides */
	STAGE_CAPTURED = 1,
	STAGE_IGNORED = 2, /* not LLM traffic; nothing of it is copied any more */
	STAGE_GREETED = 3, /* of a descriptor: TLS with an LLM, of which no plaintext was seen; bytes are counted */
	STAGE_COVERED = 4, /* the same, of which plaintext was seen */
};

enum server {
	SERVER_UNKNOWN = 0,
	SERVER_LLM = 1,
	SERVER_OTHER = 2,
};

struct connection {
	__u64 sent;
	__u64 received;
	__u64 greeted; /* when, in nanoseconds of the monotonic clock */
	__u32 stage;
	__u32 server;
	__u64 port; /* of a descriptor: what was connected to, in network order; 0: not known */
};

/* The oldest gives way: under a flood of connections some are lost, and memory is not. */
LRU_HASH(connections, struct connection_key, struct connection, 16384);

/* A call of a library or of the system, from its entry until all that it moved is handed over. While that is done it is
 * also the cursor: the verifier follows every value that a number on the stack can have, and takes one in a map as it
 * comes. */
struct call {
	__u64 handle;
	__u64 base;	/* of the buffer, or of the current segment */
	__u64 size;	/* bytes left there */
	__u64 segments; /* where descriptions of further segments are */
	__u64 count;	/* of them */
	__u64 count_at; /* where the library writes the number of bytes; 0: the number is what it returns */
	__u64 length;	/* bytes left of what was moved */
	__u64 offset;
	__u64 flags;
	__u64 stack; /* end of the goroutine's stack if the buffer is on it; 0: it is not */
};

/* Calls under way, by thread. */
LRU_HASH(tls_calls, __u64, struct call, 8192);
LRU_HASH(plain_calls, __u64, struct call, 8192);

/* When a thread has last moved plaintext of an LLM through a function that is attached to. */
LRU_HASH(speakers, __u64, __u64, 8192);

/* A call under way in Go, where a goroutine changes threads and its stack moves, but not how deep in it a call is. */
struct go_key {
	__u64 goroutine;
	__u64 depth;
	__u64 process;
};

LRU_HASH(go_calls, struct go_key, struct call, 8192);

enum counter {
	COUNTER_RECORDS = 0,
	COUNTER_LOST = 1,     /* the ring was full */
	COUNTER_IGNORED = 2,  /* connections that are not LLM traffic */
	COUNTER_UNNAMED = 3,  /* connections left alone because nothing says who the server is */
	COUNTER_OVERLONG = 4, /* calls with more bytes than are copied */
	COUNTER_REFUSED = 5,  /* connections of stopped processes */
	COUNTERS_SIZE = 6,
};

COUNTERS(counters, COUNTERS_SIZE);

/* 8 MiB hold what 500 records of 16 KiB need while the consumer sleeps. */
RING(events, 8 * 1024 * 1024);

static __always_inline void count(__u32 which)
{
	__u64 *counter = map_lookup(counters, &which);
	if (counter)
		*counter += 1;
}

#endif
