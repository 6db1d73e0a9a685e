/* Calls of TLS libraries. What a call was given is kept at its entry and copied when it returns with success: a write
 * that is tried again is copied once, and what is read is there only then. One set of programs serves all libraries
 * whose calls look alike: OpenSSL, BoringSSL and GnuTLS.
 */
#ifndef TOKMETER_TLS_H
#define TOKMETER_TLS_H

#define SSL_CTRL_SET_TLSEXT_HOSTNAME 55

static __always_inline void tls_begin(__u64 handle, __u64 base, __u64 count_at)
{
	if (!allowed_process())
		return;
	__u64 thread = bpf_get_current_pid_tgid();
	struct call call = {.handle = handle, .base = base, .count_at = count_at};
	map_update(tls_calls, &thread, &call);
}

static __always_inline void tls_end(struct pt_regs *ctx, __u32 direction)
{
	__u64 thread = bpf_get_current_pid_tgid();
	volatile struct call *call = map_lookup(tls_calls, &thread);
	if (!call)
		return;
	/* int in all these libraries but GnuTLS, whose ssize_t has the same meaning in its low half below 2 GiB. */
	__s32 result = (__s32)PT_REGS_RC(ctx);
	__u64 length = result > 0 ? (__u32)result : 0;
	if (length && call->count_at && READ_USER(&length, sizeof(length), (const void *)call->count_at))
		length = 0;
	if (length) {
		struct connection_key key = {.handle = call->handle, .process = current_process(), .layer = LAYER_TLS};
		call->size = length;
		call->length = length;
		capture(&key, direction, call);
	}
	map_delete(tls_calls, &thread);
}

static __always_inline void tls_server(__u64 handle, const char *name)
{
	__u32 process = allowed_process();
	if (!process)
		return;
	struct connection_key key = {.handle = handle, .process = process, .layer = LAYER_TLS};
	struct connection connection = {};
	connection.server = server_named(name, 0);
	forget(&key);
	map_update(connections, &key, &connection);
}

/* SSL_write, SSL_read, gnutls_record_send, gnutls_record_recv: (session, buffer, length). */
PROGRAM("uprobe")
int tls_call(struct pt_regs *ctx)
{
	tls_begin(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), 0);
	return 0;
}

/* SSL_write_ex, SSL_read_ex: (session, buffer, length, where the number of bytes goes). */
PROGRAM("uprobe")
int tls_call_ex(struct pt_regs *ctx)
{
	tls_begin(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM4(ctx));
	return 0;
}

PROGRAM("uretprobe")
int tls_sent(struct pt_regs *ctx)
{
	tls_end(ctx, DIRECTION_SENT);
	return 0;
}

PROGRAM("uretprobe")
int tls_received(struct pt_regs *ctx)
{
	tls_end(ctx, DIRECTION_RECEIVED);
	return 0;
}

/* SSL_ctrl(session, command, 0, name), which is what SSL_set_tlsext_host_name is. */
PROGRAM("uprobe")
int tls_control(struct pt_regs *ctx)
{
	if (PT_REGS_PARM2(ctx) == SSL_CTRL_SET_TLSEXT_HOSTNAME)
		tls_server(PT_REGS_PARM1(ctx), (const char *)PT_REGS_PARM4(ctx));
	return 0;
}

/* BoringSSL's SSL_set_tlsext_host_name(session, name). */
PROGRAM("uprobe")
int tls_host_name(struct pt_regs *ctx)
{
	tls_server(PT_REGS_PARM1(ctx), (const char *)PT_REGS_PARM2(ctx));
	return 0;
}

/* gnutls_server_name_set(session, type, name, length). */
PROGRAM("uprobe")
int tls_server_name(struct pt_regs *ctx)
{
	tls_server(PT_REGS_PARM1(ctx), (const char *)PT_REGS_PARM3(ctx));
	return 0;
}

/* SSL_free, gnutls_deinit: (session). */
PROGRAM("uprobe")
int tls_free(struct pt_regs *ctx)
{
	__u32 process = allowed_process();
	struct connection_key key = {.handle = PT_REGS_PARM1(ctx), .process = process, .layer = LAYER_TLS};
	if (process)
		forget(&key);
	return 0;
}

#endif
