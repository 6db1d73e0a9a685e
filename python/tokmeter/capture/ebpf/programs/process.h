/* The life of processes: children of an allowed process are allowed, those that end are forgotten. */
#ifndef TOKMETER_PROCESS_H
#define TOKMETER_PROCESS_H

/* sched_process_fork; the parent is the current process. Also said of threads, which the consumer leaves out. */
PROGRAM("tracepoint")
int process_fork(void *ctx)
{
	__u32 zero = 0;
	struct settings *chosen = map_lookup(settings, &zero);
	__u32 process = allowed_process();
	if (!process || !chosen)
		return 0;
	__u32 child = 0;
	if (bpf_probe_read_kernel(&child, sizeof(child), (const char *)ctx + chosen->child_offset))
		return 0;
	__u32 one = 1;
	map_update(allowed, &child, &one);
	struct connection_key key = {.handle = child, .process = process};
	announce(&key, KIND_FORK);
	return 0;
}

/* sched_process_exec. */
PROGRAM("tracepoint")
int process_exec(void *ctx)
{
	struct connection_key key = {.process = allowed_process()};
	if (key.process)
		announce(&key, KIND_EXEC);
	return 0;
}

/* sched_process_exit, said of each thread. */
PROGRAM("tracepoint")
int process_exit(void *ctx)
{
	__u64 current = bpf_get_current_pid_tgid();
	__u32 thread = current;
	__u32 process = allowed_process();
	map_delete(tls_calls, &current);
	map_delete(plain_calls, &current);
	if (process && thread == process) {
		struct connection_key key = {.process = process};
		announce(&key, KIND_EXIT);
	}
	map_delete(allowed, &thread);
	return 0;
}

#endif
