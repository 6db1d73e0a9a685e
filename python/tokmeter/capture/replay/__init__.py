"""Metering of recordings: HAR files and mitmproxy flow files. Nothing here opens a connection."""

from tokmeter.capture.replay.metering import Replay
from tokmeter.capture.replay.recording import BrokenEntry, RecordedExchange, read

__all__ = ["BrokenEntry", "RecordedExchange", "Replay", "read"]
