"""The programs as BCC takes them: one text, with methods on maps instead of helpers, and the few headers it asks for.

BCC wants the headers of the running kernel, which most machines do not have. Its programs read no structure of the kernel, so a
small tree of the C library's headers stands in for them.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import Final

PROGRAMS: Final = "tokmeter.capture.ebpf"
INCLUDE: Final = re.compile(r'^#include "(\w+\.h)"$', re.MULTILINE)
METHODS: Final = (
    (re.compile(r"\bmap_(lookup|update|delete)\((\w+), "), r"\2.\1("),
    (re.compile(r"\bring_reserve\((\w+), "), r"\1.ringbuf_reserve("),
    (re.compile(r"\bring_(submit|discard)\((\w+), (\w+)\)"), r"\2.ringbuf_\1(\3, BPF_RB_NO_WAKEUP)"),
)
"""BCC refuses methods inside macros, so that ``programs/platform.h`` cannot do this."""

RING: Final = re.compile(r"^RING\(events, .*\);$", re.MULTILINE)

LIBC: Final = Path("/usr/include")
TYPES: Final = """
#pragma once
typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32; typedef unsigned long long __u64;
typedef signed char __s8; typedef short __s16; typedef int __s32; typedef long long __s64;
typedef __u8 u8; typedef __u16 u16; typedef __u32 u32; typedef __u64 u64;
typedef __s8 s8; typedef __s16 s16; typedef __s32 s32; typedef __s64 s64;
typedef __u16 __be16; typedef __u32 __be32; typedef __u16 __le16; typedef __u32 __le32; typedef __u64 __be64;
typedef __u16 __sum16; typedef __u32 __wsum; typedef unsigned __poll_t;
typedef unsigned long uintptr_t; typedef unsigned long size_t; typedef _Bool bool;
#define __bitwise
#define __aligned_u64 __u64 __attribute__((aligned(8)))
#define PAGE_SIZE 4096
#define NULL ((void *)0)
"""
REGISTERS: Final = """
#pragma once
struct pt_regs {
  unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
"""
OPERATIONS: Final = """
#pragma once
#define BPF_LD 0x00
#define BPF_LDX 0x01
#define BPF_ST 0x02
#define BPF_STX 0x03
#define BPF_ALU 0x04
#define BPF_JMP 0x05
#define BPF_RET 0x06
#define BPF_MISC 0x07
#define BPF_W 0x00
#define BPF_H 0x08
#define BPF_B 0x10
#define BPF_IMM 0x00
#define BPF_ABS 0x20
#define BPF_IND 0x40
#define BPF_MEM 0x60
#define BPF_ADD 0x00
#define BPF_SUB 0x10
#define BPF_MUL 0x20
#define BPF_DIV 0x30
#define BPF_OR 0x40
#define BPF_AND 0x50
#define BPF_LSH 0x60
#define BPF_RSH 0x70
#define BPF_NEG 0x80
#define BPF_MOD 0x90
#define BPF_XOR 0xa0
#define BPF_JA 0x00
#define BPF_JEQ 0x10
#define BPF_JGT 0x20
#define BPF_JGE 0x30
#define BPF_JSET 0x40
#define BPF_K 0x00
#define BPF_X 0x08
#define BPF_MAXINSNS 4096
"""
FILES: Final = {
    "include/linux/bpf_common.h": OPERATIONS,
    "include/linux/kconfig.h": "#define CONFIG_BPF_SYSCALL 1\n",
    "include/linux/version.h": "#define LINUX_VERSION_CODE 0\n#define KERNEL_VERSION(a, b, c) 0\n",
    "include/linux/types.h": TYPES,
    "include/linux/ptrace.h": REGISTERS,
    "include/linux/log2.h": "",
    "include/linux/bpf.h": "",
    "include/asm/page.h": "",
    "include/uapi/linux/bpf.h": "",
    "include/uapi/linux/types.h": "#include <linux/types.h>\n",
    "include/uapi/linux/ptrace.h": "#include <linux/ptrace.h>\n",
    "include/uapi/linux/if_packet.h": "",
    "include/uapi/linux/tcp.h": "",
}


def text(ring_bytes: int) -> str:
    """The whole source."""
    source = _read("tracer.bpf.c")
    while INCLUDE.search(source):
        source = INCLUDE.sub(lambda found: _read(found[1]), source)
    for pattern, method in METHODS:
        source = pattern.sub(method, source)
    return RING.sub(f"RING(events, {ring_bytes});", source)


def headers(folder: Path) -> None:
    """Writes the tree that ``BCC_KERNEL_SOURCE`` names."""
    for name, content in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def _read(name: str) -> str:
    return resources.files(PROGRAMS).joinpath(f"programs/{name}").read_text(encoding="utf-8")
