/* Refuses new connections of stopped processes to destinations that are an LLM's. Everybody else's pass. */
#ifndef TOKMETER_STOP_H
#define TOKMETER_STOP_H

#define REFUSE 0 /* the caller gets EPERM */
#define PASS   1

static __always_inline int verdict(__u64 first, __u64 second, __u32 port)
{
	__u32 process = current_process();
	if (!map_lookup(stopped, &process))
		return PASS;
	struct destination to = {.first = first, .second = second, .port = port};
	if (!map_lookup(destinations, &to))
		return PASS;
	count(COUNTER_REFUSED);
	return REFUSE;
}

PROGRAM("cgroup/connect4")
int stop_connect4(struct bpf_sock_addr *ctx)
{
	__u64 address = ctx->user_ip4;
	/* ::ffff:0:0/96, in network order on a little-endian machine. */
	return verdict(0, address << 32 | 0xffff0000ULL, ctx->user_port);
}

PROGRAM("cgroup/connect6")
int stop_connect6(struct bpf_sock_addr *ctx)
{
	__u64 a = ctx->user_ip6[0], b = ctx->user_ip6[1], c = ctx->user_ip6[2], d = ctx->user_ip6[3];
	return verdict(b << 32 | a, d << 32 | c, ctx->user_port);
}

#endif
