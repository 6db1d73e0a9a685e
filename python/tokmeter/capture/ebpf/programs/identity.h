/* Who the current process is, by the ids that the tracer knows it by. Those are the machine's, unless the tracer runs
 * in a process namespace of its own, as on a node that is itself a container: there they are that namespace's, and what
 * is not in it has none.
 */
#ifndef TOKMETER_IDENTITY_H
#define TOKMETER_IDENTITY_H

#ifdef TOKMETER_BCC

/* BCC relocates no fields; its loader refuses to run in a namespace. */
static __always_inline __u32 process_within(__u32 namespace)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline __u32 current_process(void)
{
	return process_within(0);
}

static __always_inline __u32 current_thread(void)
{
	return bpf_get_current_pid_tgid();
}

#else

#include <bpf/bpf_core_read.h>

/* What of the kernel's structures is needed. Where each field is in the kernel that runs is filled in when the programs
 * are loaded.
 */
#define KERNELS	       __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} KERNELS;

struct pid_namespace {
	struct ns_common ns;
} KERNELS;

struct upid {
	int nr;
	struct pid_namespace *ns;
} KERNELS;

struct pid {
	unsigned int level;
	struct upid numbers[1];
} KERNELS;

struct task_struct {
	struct task_struct *group_leader;
	struct pid *thread_pid;
} KERNELS;

/* A namespace in a namespace in a namespace is what occurs; the kernel allows 32. */
#define NAMESPACES_MAX 8

/* The id of a task in a namespace, by the number of its file; 0 if it is not in there. */
static __always_inline __u32 id_within(struct task_struct *task, __u32 namespace)
{
	struct pid *ids = BPF_CORE_READ(task, thread_pid);
	__u32 levels = BPF_CORE_READ(ids, level);
	const char *numbers = __builtin_preserve_access_index((const char *)&ids->numbers[0]);
	for (__u32 level = 0; level < NAMESPACES_MAX; level++) {
		struct upid id = {};
		if (level > levels)
			break;
		if (bpf_probe_read_kernel(&id, sizeof(id), numbers + level * sizeof(id)))
			break;
		if (BPF_CORE_READ(id.ns, ns.inum) == namespace)
			return id.nr;
	}
	return 0;
}

/* The namespace that ids are of; 0: the machine's. */
static __always_inline __u32 chosen_namespace(void)
{
	__u32 zero = 0;
	struct settings *chosen = map_lookup(settings, &zero);
	return chosen ? chosen->namespace : 0;
}

static __always_inline __u32 process_within(__u32 namespace)
{
	if (!namespace)
		return bpf_get_current_pid_tgid() >> 32;
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	return id_within(BPF_CORE_READ(task, group_leader), namespace);
}

static __always_inline __u32 current_process(void)
{
	return process_within(chosen_namespace());
}

static __always_inline __u32 current_thread(void)
{
	__u32 namespace = chosen_namespace();
	if (!namespace)
		return bpf_get_current_pid_tgid();
	return id_within((struct task_struct *)bpf_get_current_task(), namespace);
}

#endif

/* The process of this call if it may be looked at, else 0. */
static __always_inline __u32 allowed_process(void)
{
	__u32 zero = 0;
	struct settings *chosen = map_lookup(settings, &zero);
	if (!chosen)
		return 0;
	__u32 process = process_within(chosen->namespace);
	if (!process)
		return 0;
	if (chosen->everybody)
		return process == chosen->own_process ? 0 : process;
	return map_lookup(allowed, &process) ? process : 0;
}

#endif
