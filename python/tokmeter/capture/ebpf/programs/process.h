/* The life of processes: children of an allowed process are allowed, those that end are forgotten. */
#ifndef TOKMETER_PROCESS_H
#define TOKMETER_PROCESS_H

/* Bytes of the name of a program, as the kernel keeps it. */
#define NAME_SIZE 16

static __always_inline void born(__u32 process, __u32 child)
{
	__u32 one = 1;
	map_update(allowed, &child, &one);
	if (map_lookup(stopped, &process))
		map_update(stopped, &child, &one);
	struct connection_key key = {.handle = child, .process = process};
	announce(&key, KIND_FORK);
}

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
	born(process, child);
	return 0;
}

#ifndef TOKMETER_BCC

/* The same where ids are those of a namespace: the event itself tells only the machine's. Its arguments are the parent
 * and the child.
 */
PROGRAM("raw_tracepoint")
int process_born(struct bpf_raw_tracepoint_args *ctx)
{
	__u32 process = allowed_process();
	__u32 child = id_within((struct task_struct *)ctx->args[1], chosen_namespace());
	if (process && child)
		born(process, child);
	return 0;
}

#endif

/* sched_process_exec. The name of the program comes with it: the process may be gone before anybody looks at it. */
PROGRAM("tracepoint")
int process_exec(void *ctx)
{
	struct connection_key key = {.process = allowed_process()};
	if (!key.process)
		return 0;
	struct record *record = ring_reserve(events, sizeof(struct head) + NAME_SIZE);
	if (!record) {
		count(COUNTER_LOST);
		return 0;
	}
	fill(&record->head, &key, KIND_EXEC);
	bpf_get_current_comm(record->data, NAME_SIZE);
	record->head.length = NAME_SIZE;
	ring_submit(events, record);
	return 0;
}

/* sched_process_exit, said of each thread. */
PROGRAM("tracepoint")
int process_exit(void *ctx)
{
	__u64 current = bpf_get_current_pid_tgid();
	__u32 thread = current_thread();
	__u32 process = allowed_process();
	map_delete(tls_calls, &current);
	map_delete(plain_calls, &current);
	if (process && thread == process) {
		struct connection_key key = {.process = process};
		announce(&key, KIND_EXIT);
	}
	map_delete(allowed, &thread);
	map_delete(stopped, &thread);
	return 0;
}

#endif
