/* Calls of Go's crypto/tls. A function of Go has no return address that could be replaced, because its stack moves: a
 * second program runs at each of its return instructions. Its calling convention is that of Go 1.18 and newer.
 */
#ifndef TOKMETER_GO_H
#define TOKMETER_GO_H

/* Places in crypto/tls.Conn and crypto/tls.Config. */
#define GO_CONN_IS_CLIENT 16
#define GO_CONN_CONFIG                                                                                                 \
	72 /* before Go 1.21; since then the protocol's version is here, and the configuration behind it */
#define GO_CONN_VERSION_BITS  24
#define GO_CONFIG_SERVER_NAME 128

/* What a goroutine begins with. */
struct go_stack {
	__u64 low;
	__u64 high;
};

struct go_text {
	__u64 base;
	__u64 length;
};

/* Finds the call that the registers are of; 0 if it is of nobody's interest. */
static __always_inline int go_find(struct pt_regs *ctx, struct go_key *key, struct go_stack *stack)
{
	key->process = allowed_process();
	key->goroutine = GO_GOROUTINE(ctx);
	if (!key->process || READ_USER(stack, sizeof(*stack), (const void *)key->goroutine))
		return 0;
	key->depth = stack->high - GO_STACK(ctx);
	return 1;
}

/* What is known of the server of a connection. */
static __always_inline __u32 go_server(__u64 handle)
{
	__u8 is_client = 0;
	__u64 words[2] = {};
	struct go_text name = {};
	if (READ_USER(&is_client, sizeof(is_client), (const void *)(handle + GO_CONN_IS_CLIENT)))
		return SERVER_UNKNOWN;
	/* The process is the server itself. */
	if (!is_client)
		return SERVER_OTHER;
	if (READ_USER(words, sizeof(words), (const void *)(handle + GO_CONN_CONFIG)))
		return SERVER_UNKNOWN;
	__u64 config = words[0] >> GO_CONN_VERSION_BITS ? words[0] : words[1];
	if (READ_USER(&name, sizeof(name), (const void *)(config + GO_CONFIG_SERVER_NAME)) || !name.length)
		return SERVER_UNKNOWN;
	return server_named((const char *)name.base, name.length);
}

/* crypto/tls.(*Conn).Write: (connection, buffer, length, capacity). Copied at once: another goroutine reads, and may
 * have the answer before this one returns. Unlike in other libraries, a write that fails is not tried again on its
 * connection.
 */
PROGRAM("uprobe")
int go_write(struct pt_regs *ctx)
{
	struct go_key key = {};
	struct go_stack stack = {};
	/* A function begins anew after its stack has grown. */
	if (!go_find(ctx, &key, &stack) || map_lookup(go_calls, &key))
		return 0;
	struct call given = {.handle = GO_RECEIVER(ctx), .base = GO_BUFFER(ctx), .size = GO_LENGTH(ctx)};
	given.length = given.size;
	map_update(go_calls, &key, &given);
	volatile struct call *call = map_lookup(go_calls, &key);
	if (!call)
		return 0;
	struct connection_key connection = {.handle = call->handle, .process = key.process, .layer = LAYER_TLS};
	if (!map_lookup(connections, &connection)) {
		struct connection fresh = {};
		fresh.server = go_server(call->handle);
		map_update(connections, &connection, &fresh);
	}
	capture(&connection, DIRECTION_SENT, call);
	return 0;
}

/* Return instructions of the former. */
PROGRAM("uprobe")
int go_write_end(struct pt_regs *ctx)
{
	struct go_key key = {};
	struct go_stack stack = {};
	if (go_find(ctx, &key, &stack))
		map_delete(go_calls, &key);
	return 0;
}

/* crypto/tls.(*Conn).Read: (connection, buffer, length, capacity). */
PROGRAM("uprobe")
int go_read(struct pt_regs *ctx)
{
	struct go_key key = {};
	struct go_stack stack = {};
	if (!go_find(ctx, &key, &stack))
		return 0;
	struct call call = {.handle = GO_RECEIVER(ctx), .base = GO_BUFFER(ctx)};
	if (call.base >= stack.low && call.base < stack.high)
		call.stack = stack.high;
	map_update(go_calls, &key, &call);
	return 0;
}

/* Return instructions of the former. */
PROGRAM("uprobe")
int go_read_end(struct pt_regs *ctx)
{
	struct go_key key = {};
	struct go_stack stack = {};
	if (!go_find(ctx, &key, &stack))
		return 0;
	volatile struct call *call = map_lookup(go_calls, &key);
	if (!call)
		return 0;
	__s64 result = GO_RESULT(ctx);
	if (result > 0) {
		struct connection_key connection = {.handle = call->handle, .process = key.process, .layer = LAYER_TLS};
		if (call->stack)
			call->base += stack.high - call->stack;
		call->size = result;
		call->length = result;
		capture(&connection, DIRECTION_RECEIVED, call);
	}
	map_delete(go_calls, &key);
	return 0;
}

/* crypto/tls.(*Conn).Close: (connection). */
PROGRAM("uprobe")
int go_close(struct pt_regs *ctx)
{
	__u32 process = allowed_process();
	struct connection_key key = {.handle = GO_RECEIVER(ctx), .process = process, .layer = LAYER_TLS};
	if (process)
		forget(&key);
	return 0;
}

#endif
