"""From a file to a `Config` that every later step accepts. Holds no rule of its own."""

from pathlib import Path

from tokmeter.config import core, rules, shape
from tokmeter.config.document import Document, read
from tokmeter.config.schema import Config
from tokmeter.errors import ConfigError


def load(path: Path | None) -> Config:
    """The configuration in `path`; the defaults when there is none. Raises `ConfigError` with file, line and key."""
    return Config() if path is None else check(read(path))


def check(document: Document) -> Config:
    """The configuration that `document` holds. Raises `ConfigError`."""
    config = shape.config(document)
    rules.check(config, document)
    try:
        arguments = core.meter_arguments(config)
    except core.RefusedError as refused:
        raise ConfigError(f"not usable: {refused}", where=document.place(*refused.key)) from None
    for key in core.unknown_hosts(config, arguments):
        raise ConfigError(
            "nothing is metered at this host",
            where=document.place(*key),
            hint="check its spelling, or add `dialect:` and `name:` to meter it",
        )
    return config
