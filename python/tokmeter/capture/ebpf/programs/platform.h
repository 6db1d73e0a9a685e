/* The dialect of C that both loaders compile: one spelling of maps and of helpers.
 *
 * clang makes an object of it that is loaded as it is. BCC has methods on maps instead of helpers, and refuses them
 * inside macros; its loader rewrites `map_lookup(name, key)` and the others to methods before it compiles.
 */
#ifndef TOKMETER_PLATFORM_H
#define TOKMETER_PLATFORM_H

#ifdef TOKMETER_BCC

#include <uapi/linux/ptrace.h>
#include <linux/types.h>

#define __always_inline				      inline __attribute__((always_inline))
#define HASH(name, key_type, value_type, entries)     BPF_TABLE("hash", key_type, value_type, name, entries)
#define LRU_HASH(name, key_type, value_type, entries) BPF_TABLE("lru_hash", key_type, value_type, name, entries)
#define ONE(name, value_type)			      BPF_TABLE("array", __u32, value_type, name, 1)
#define COUNTERS(name, entries)			      BPF_TABLE("percpu_array", __u32, __u64, name, entries)
#define RING(name, bytes)			      BPF_RINGBUF_OUTPUT(name, (bytes) / 4096)
#define PROGRAM(section)
#define READ_USER(target, size, source)	     bpf_probe_read_user(target, size, source)
#define READ_USER_TEXT(target, size, source) bpf_probe_read_user_str(target, size, source)

/* The kernel's names of registers. */
#define GO_RECEIVER(ctx)  ((ctx)->ax)
#define GO_BUFFER(ctx)	  ((ctx)->bx)
#define GO_LENGTH(ctx)	  ((ctx)->cx)
#define GO_RESULT(ctx)	  ((ctx)->ax)
#define GO_GOROUTINE(ctx) ((ctx)->r14)
#define GO_STACK(ctx)	  ((ctx)->sp)

#else

#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <linux/types.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define TABLE(kind, name, key_type, value_type, entries)                                                               \
	struct {                                                                                                       \
		__uint(type, kind);                                                                                    \
		__uint(max_entries, entries);                                                                          \
		__type(key, key_type);                                                                                 \
		__type(value, value_type);                                                                             \
	} name SEC(".maps")
#define HASH(name, key_type, value_type, entries)     TABLE(BPF_MAP_TYPE_HASH, name, key_type, value_type, entries)
#define LRU_HASH(name, key_type, value_type, entries) TABLE(BPF_MAP_TYPE_LRU_HASH, name, key_type, value_type, entries)
#define ONE(name, value_type)			      TABLE(BPF_MAP_TYPE_ARRAY, name, __u32, value_type, 1)
#define COUNTERS(name, entries)			      TABLE(BPF_MAP_TYPE_PERCPU_ARRAY, name, __u32, __u64, entries)
#define RING(name, bytes)                                                                                              \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_RINGBUF);                                                                    \
		__uint(max_entries, bytes);                                                                            \
	} name SEC(".maps")
#define PROGRAM(section)		     SEC(section)
#define READ_USER(target, size, source)	     bpf_probe_read_user(target, size, source)
#define READ_USER_TEXT(target, size, source) bpf_probe_read_user_str(target, size, source)

#define map_lookup(name, key)	     bpf_map_lookup_elem(&name, key)
#define map_update(name, key, value) bpf_map_update_elem(&name, key, value, BPF_ANY)
#define map_delete(name, key)	     bpf_map_delete_elem(&name, key)
#define ring_reserve(name, size)     bpf_ringbuf_reserve(&name, size, 0)
#define ring_submit(name, record)    bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP)
#define ring_discard(name, record)   bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP)

/* User space's names of registers. */
#ifdef __TARGET_ARCH_arm64
#define GO_REGISTER(ctx, number) (((const struct user_pt_regs *)(ctx))->regs[number])
#define GO_RECEIVER(ctx)	 GO_REGISTER(ctx, 0)
#define GO_BUFFER(ctx)		 GO_REGISTER(ctx, 1)
#define GO_LENGTH(ctx)		 GO_REGISTER(ctx, 2)
#define GO_RESULT(ctx)		 GO_REGISTER(ctx, 0)
#define GO_GOROUTINE(ctx)	 GO_REGISTER(ctx, 28)
#define GO_STACK(ctx)		 (((const struct user_pt_regs *)(ctx))->sp)
#else
#define GO_RECEIVER(ctx)  ((ctx)->rax)
#define GO_BUFFER(ctx)	  ((ctx)->rbx)
#define GO_LENGTH(ctx)	  ((ctx)->rcx)
#define GO_RESULT(ctx)	  ((ctx)->rax)
#define GO_GOROUTINE(ctx) ((ctx)->r14)
#define GO_STACK(ctx)	  ((ctx)->rsp)
#endif

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#endif

/* Makes the compiler forget what it knows of a number, so that the bound that follows is on the register that is used.
 */
#define OPAQUE(number) asm volatile("" : "+r"(number))

#endif
