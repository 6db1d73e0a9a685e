"""What may be said when mitmproxy or a handler fails: what kind, and where in the code. Never what was on the wire.

mitmproxy's own messages quote events, and events hold prompts, replies and keys. So its loggers end here: the type of
the error and the place are passed on, the message is not.
"""

import logging
import traceback

_LOGGER = logging.getLogger("tokmeter.capture.proxy")
_FOREIGN = logging.getLogger("mitmproxy")


def report(what: str, error: BaseException) -> None:
    """Logs that `what` failed with an error of this type at this place."""
    _LOGGER.warning("%s failed: %s at %s", what, type(error).__name__, _place(error))


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"


class _Redacted(logging.Handler):
    """Passes on errors of mitmproxy without their words."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            report("mitmproxy", error)
        elif record.levelno >= logging.ERROR:
            _LOGGER.warning("mitmproxy reported an error at %s:%d", record.pathname, record.lineno)


def quieten() -> None:
    """Sets mitmproxy's loggers to warnings, redacted. Without it every connection builds a dozen records."""
    _FOREIGN.setLevel(logging.WARNING)
    _FOREIGN.propagate = False
    if not any(isinstance(handler, _Redacted) for handler in _FOREIGN.handlers):
        _FOREIGN.addHandler(_Redacted())
