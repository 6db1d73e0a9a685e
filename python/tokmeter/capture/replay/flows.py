"""Reads mitmproxy flow files (``mitmdump -w``). The only module of the replay that needs mitmproxy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mitmproxy import exceptions, http
from mitmproxy.io import FlowReader

from tokmeter.capture.replay.recording import BrokenEntry, RecordedExchange
from tokmeter.errors import TokmeterError


def entries(path: Path) -> Iterator[RecordedExchange | BrokenEntry]:
    """Yields every HTTP flow in order, with its position among all flows.

    After a broken record the rest of the file has no known boundaries, so it is the last one yielded.
    """
    try:
        with path.open("rb") as file:
            index = -1
            try:
                for index, recorded in enumerate(FlowReader(file).stream()):
                    if isinstance(recorded, http.HTTPFlow):
                        yield _exchange(index, recorded)
            except (exceptions.FlowReadException, ValueError) as reason:
                yield BrokenEntry(index + 1, f"{reason}; what follows it cannot be read")
    except OSError as reason:
        raise TokmeterError(f"the recording cannot be read: {reason.strerror}", where=str(path)) from reason


def _exchange(index: int, recorded: http.HTTPFlow) -> RecordedExchange | BrokenEntry:
    try:
        return _read(index, recorded)
    except (ValueError, OverflowError) as reason:
        return BrokenEntry(index, str(reason))


def _read(index: int, recorded: http.HTTPFlow) -> RecordedExchange:
    request, response = recorded.request, recorded.response
    if request.raw_content is None:
        raise ValueError("the request body was not recorded")
    ended = (response.timestamp_end if response else None) or request.timestamp_start
    return RecordedExchange(
        index=index,
        time_ns=_nanoseconds(request.timestamp_start),
        duration_ns=max(0, _nanoseconds(ended) - _nanoseconds(request.timestamp_start)),
        method=request.method,
        scheme=request.scheme,
        # In transparent mode `host` is the address; the name is in the header field.
        host=request.pretty_host,
        port=request.port,
        path=request.path,
        headers=list(request.headers.fields),
        body=request.raw_content,
        status=response.status_code if response else None,
        response_headers=list(response.headers.fields) if response else [],
        response_body=(response.raw_content or b"") if response else b"",
    )


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1_000_000) * 1000
