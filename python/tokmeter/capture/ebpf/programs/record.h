/* What the programs hand to the consumer: the layout of a record, and its size classes.
 *
 * The same layout is read by `tracer/src/record.rs`. Integers have the byte order of the machine.
 */
#ifndef TOKMETER_RECORD_H
#define TOKMETER_RECORD_H

enum kind {
	KIND_DATA = 1,	   /* bytes of one direction of a connection */
	KIND_CLOSE = 2,	   /* the connection is gone */
	KIND_FORK = 3,	   /* an allowed process has a child; handle is the child's id */
	KIND_EXEC = 4,	   /* an allowed process runs another program now; data is its name */
	KIND_EXIT = 5,	   /* an allowed process is gone */
	KIND_GREETING = 6, /* TLS with an LLM begins on a descriptor; data is the name that was asked for, offset the
			    * port, in network order */
	KIND_TRAFFIC = 7,  /* a connection that was greeted is gone; data is what it was, `struct connection` */
};

enum layer {
	LAYER_TLS = 0,	 /* handle is the address of the library's session */
	LAYER_PLAIN = 1, /* handle is a file descriptor */
};

enum direction {
	DIRECTION_SENT = 0,
	DIRECTION_RECEIVED = 1,
};

/* Flag of the first record of a connection: whatever had its handle before is gone. */
#define FLAG_BEGIN 1

struct head {
	__u8 kind;
	__u8 layer;
	__u8 direction;
	__u8 flags;
	__u32 process;
	__u64 handle;
	__u64 offset;  /* bytes of this direction before these, since the connection was first captured */
	__u64 instant; /* nanoseconds of the monotonic clock */
	__u32 length;  /* bytes of data that follow */
	__u32 reserved;
};

/* Bytes of data in a record. Reserving needs a constant size: what is copied takes the smallest class that holds it. */
#define SMALL  1024
#define MEDIUM 4096
#define LARGE  16384

struct record {
	struct head head;
	char data[];
};

/* Records that one call of a library is copied as, 4 MiB if they are large. What is longer leaves a gap in the offsets.
 */
#define PIECES_MAX 256

#endif
