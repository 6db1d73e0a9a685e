"""Memory and time to attach, in a process of its own: `python ebpf_memory.py LOADER`. Prints one JSON object."""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from ebpf_tracer import meter
from ebpf_traffic import traffic

from tokmeter import _core
from tokmeter.capture.ebpf import Selection, TracerSettings
from tokmeter.capture.ebpf.attachments import Attachments
from tokmeter.capture.ebpf.images import Images
from tokmeter.capture.ebpf.loader import load
from tokmeter.capture.ebpf.probes import PROCESS_EVENTS, PROGRAMS
from tokmeter.clock import now_ns

FURTHER = 2


def resident() -> float:
    """Resident megabytes of this process."""
    return int(Path("/proc/self/status").read_text().partition("VmRSS:")[2].split()[0]) / 1024


def in_kernel() -> float:
    """Megabytes that the kernel says it holds for this process's maps and programs."""
    told = []
    for each in Path("/proc/self/fdinfo").iterdir():
        try:
            text = each.read_text()
        except OSError:  # the folder's own
            continue
        # A map is often open more than once.
        name = next((line for line in text.splitlines() if line.startswith(("map_id:", "prog_id:"))), None)
        size = next((line.split()[1] for line in text.splitlines() if line.startswith("memlock:")), None)
        if name and size:
            told.append((name, int(size)))
    return sum(size for _, size in set(told)) / 1024 / 1024


def _ms(do: Callable[[int], object], pid: int) -> float:
    began = time.perf_counter()
    do(pid)
    return 1000 * (time.perf_counter() - began)


def main() -> None:
    """Measure one loader."""
    settings = TracerSettings(selection=Selection(processes=list), loader=sys.argv[1], plain=False)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = [stack.enter_context(traffic(folder)) for _ in range(1 + FURTHER)]
        made = meter()
        before = resident()
        began = time.perf_counter()
        loader = load(settings, made, lambda pid: _core.Attribution(pid=pid))
        loaded = time.perf_counter()
        attachments = Attachments(loader, Images(), shared=False)

        def detached(_pid: int) -> None:
            while attachments.detach_next():
                pass

        for program, category, event in PROCESS_EVENTS:
            loader.attach_event(program, category, event)
        figures = {"load, ms": 1000 * (loaded - began)}
        attached = time.perf_counter()
        figures["attach to the events of processes, ms"] = 1000 * (attached - loaded)
        for program in PROGRAMS:
            loader.prepare(program)
        figures["have the programs for functions verified, ms"] = 1000 * (time.perf_counter() - attached)
        pids = [each.pid for each in running]
        for pid in pids:
            loader.allow(pid)
        figures["attach to the first process, ms"] = _ms(attachments.cover, pids[0])
        figures["attach to a further process, ms"] = min(_ms(attachments.cover, pid) for pid in pids[1:])
        figures["look at a process again, ms"] = min(_ms(attachments.cover, pid) for pid in pids)
        figures["memory of the process, added, MB"] = resident() - before
        figures["memory in the kernel, MB"] = in_kernel()
        figures["let go of a process, ms"] = _ms(attachments.release, pids[1])
        figures["detach from a running process, in the background, ms"] = _ms(detached, pids[1])
        running[2].end()
        attachments.release(pids[2])
        figures["detach from one that has ended, in the background, ms"] = _ms(detached, pids[2])
        loader.close(now_ns())
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
