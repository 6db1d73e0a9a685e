/* HTTP without TLS: the system calls that write to and read from descriptors. Ciphertext passes here, too; it does not
 * look like the beginning of a request, so it is left alone.
 */
#ifndef TOKMETER_PLAIN_H
#define TOKMETER_PLAIN_H

#define FAMILY_IPV4 2
#define FAMILY_IPV6 10

struct enter {
	__u64 common;
	__u64 number;
	__u64 arguments[6];
};

struct leave {
	__u64 common;
	__u64 number;
	__s64 result;
};

/* What of a msghdr of user space is needed. */
struct message {
	__u64 name;
	__u64 name_length;
	__u64 segments;
	__u64 count;
};

static __always_inline void plain_begin(__u64 descriptor, __u64 base, __u64 size, __u64 segments, __u64 count)
{
	if (!allowed_process())
		return;
	__u64 thread = bpf_get_current_pid_tgid();
	struct call call = {.handle = descriptor, .base = base, .size = size, .segments = segments, .count = count};
	map_update(plain_calls, &thread, &call);
}

static __always_inline void plain_end(struct leave *ctx, __u32 direction)
{
	__u64 thread = bpf_get_current_pid_tgid();
	volatile struct call *call = map_lookup(plain_calls, &thread);
	if (!call)
		return;
	if (ctx->result > 0) {
		struct connection_key key = {
		    .handle = call->handle, .process = current_process(), .layer = LAYER_PLAIN};
		call->length = ctx->result;
		if (!audited(&key, direction, call))
			capture(&key, direction, call);
	}
	map_delete(plain_calls, &thread);
}

/* Whether the descriptor was connected to a server by an allowed process. */
static __always_inline int is_connected(__u64 descriptor)
{
	struct connection_key key = {.handle = descriptor, .process = allowed_process(), .layer = LAYER_PLAIN};
	return key.process && map_lookup(connections, &key);
}

/* sendto, recvfrom: (descriptor, buffer, length, ...). */
PROGRAM("tracepoint")
int plain_call(struct enter *ctx)
{
	plain_begin(ctx->arguments[0], ctx->arguments[1], ctx->arguments[2], 0, 0);
	return 0;
}

/* write, read: (descriptor, buffer, length). */
PROGRAM("tracepoint")
int plain_call_any(struct enter *ctx)
{
	if (is_connected(ctx->arguments[0]))
		plain_begin(ctx->arguments[0], ctx->arguments[1], ctx->arguments[2], 0, 0);
	return 0;
}

/* writev, readv: (descriptor, segments, count). */
PROGRAM("tracepoint")
int plain_call_segments(struct enter *ctx)
{
	if (is_connected(ctx->arguments[0]))
		plain_begin(ctx->arguments[0], 0, 0, ctx->arguments[1], ctx->arguments[2]);
	return 0;
}

/* sendmsg, recvmsg: (descriptor, message, flags). */
PROGRAM("tracepoint")
int plain_call_message(struct enter *ctx)
{
	struct message message = {};
	if (!allowed_process() || READ_USER(&message, sizeof(message), (const void *)ctx->arguments[1]))
		return 0;
	plain_begin(ctx->arguments[0], 0, 0, message.segments, message.count);
	return 0;
}

/* connect(descriptor, ...). Whether that succeeds is not waited for: nothing can be sent if it does not. */
PROGRAM("tracepoint")
int plain_connect(struct enter *ctx)
{
	struct connection_key key = {.handle = ctx->arguments[0], .process = allowed_process(), .layer = LAYER_PLAIN};
	struct connection fresh = {};
	__u16 address[2] = {}; /* its family and its port */
	if (!key.process)
		return 0;
	if (!READ_USER(address, sizeof(address), (const void *)ctx->arguments[1]) &&
	    (address[0] == FAMILY_IPV4 || address[0] == FAMILY_IPV6))
		fresh.port = address[1];
	forget(&key);
	map_update(connections, &key, &fresh);
	return 0;
}

PROGRAM("tracepoint")
int plain_sent(struct leave *ctx)
{
	plain_end(ctx, DIRECTION_SENT);
	return 0;
}

PROGRAM("tracepoint")
int plain_received(struct leave *ctx)
{
	plain_end(ctx, DIRECTION_RECEIVED);
	return 0;
}

/* close(descriptor). */
PROGRAM("tracepoint")
int plain_close(struct enter *ctx)
{
	__u32 process = allowed_process();
	struct connection_key key = {.handle = ctx->arguments[0], .process = process, .layer = LAYER_PLAIN};
	if (process)
		forget(&key);
	return 0;
}

#endif
