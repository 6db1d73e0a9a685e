"""The tracer: LLM traffic of chosen processes, as TLS libraries and system calls see it, without a proxy."""

from tokmeter.capture.ebpf.capture import TracerCapture
from tokmeter.capture.ebpf.faults import TracerError
from tokmeter.capture.ebpf.settings import LOADERS, Selection, TracerSettings

__all__ = ["LOADERS", "Selection", "TracerCapture", "TracerError", "TracerSettings"]
