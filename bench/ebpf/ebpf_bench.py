"""All measurements, in the interpreter that is measured: `python ebpf_bench.py ROUNDS SSLSNIFF`. Prints one JSON object last."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import ebpf_calls
import ebpf_sslsniff
import ebpf_streams
from ebpf_tracer import LOADERS
from ebpf_traffic import build, traffic

from tokmeter.capture.ebpf.bcc import DISTRIBUTION_PACKAGES

CONSUMER_CORE = 0


def main() -> None:
    """Measure what can be measured here."""
    rounds, sniffer = int(sys.argv[1]), Path(sys.argv[2])
    os.sched_setaffinity(0, {CONSUMER_CORE})
    build()
    skipped: dict[str, str] = {}
    loaders: tuple[str, ...] = LOADERS
    if not (DISTRIBUTION_PACKAGES / "bcc").is_dir():
        skipped["bcc"] = "needs the distribution's BCC (Debian package python3-bpfcc)"
        loaders = tuple(each for each in LOADERS if each != "bcc")
    reason = ebpf_sslsniff.missing(sniffer)
    if reason is not None:
        skipped["sslsniff"] = reason
    compared = None if reason else sniffer
    figures: dict[str, object] = {"skipped": skipped, "memory": {each: _memory(each, rounds) for each in loaders}}
    with tempfile.TemporaryDirectory() as folder, traffic(Path(folder)) as running:
        if compared is not None:
            try:
                with ebpf_sslsniff.sslsniff(compared, running.pid):
                    pass
            except RuntimeError as error:
                skipped["sslsniff"], compared = str(error), None
        figures["calls"] = ebpf_calls.measure(running, rounds, loaders, compared)
        figures["streams"] = ebpf_streams.measure(running, rounds, loaders, compared)
        figures["ending"] = {each: ebpf_streams.while_processes_end(running, rounds, each) for each in loaders}
    print(json.dumps(figures))


def _memory(loader: str, rounds: int) -> list[dict[str, float]]:
    command = [sys.executable, str(Path(__file__).with_name("ebpf_memory.py")), loader]
    ran = [subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout for _ in range(rounds)]
    return [json.loads(each.splitlines()[-1]) for each in ran]


if __name__ == "__main__":
    main()
