"""From a file to a `Config` that every later step accepts. Holds no rule of its own."""

from collections.abc import Mapping
from pathlib import Path

from tokmeter.config import core, rules, shape
from tokmeter.config.document import Document, parse, read
from tokmeter.config.schema import Config
from tokmeter.errors import ConfigError

TEXT_VARIABLE = "TOKMETER_CONFIGURATION"
"""The environment variable that may hold a configuration as text: where nothing can be mounted that nobody may change."""


def load(path: Path | None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration in `path`, else the text in `TOKMETER_CONFIGURATION`, else the defaults.

    Raises `ConfigError` with file (or variable), line and key.
    """
    if path is not None:
        return check(read(path))
    text = (environ or {}).get(TEXT_VARIABLE)
    return check(parse(text, TEXT_VARIABLE)) if text else Config()


def check(document: Document) -> Config:
    """The configuration that `document` holds. Raises `ConfigError`."""
    return validated(shape.config(document), document)


def validated(config: Config, document: Document) -> Config:
    """`config`, which has the right shape and was read from `document`. Raises `ConfigError`."""
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
