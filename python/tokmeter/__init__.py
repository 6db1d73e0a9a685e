"""tokmeter: metering, pricing and capping the LLM traffic of unmodified programs at the network.

These names are the public Python interface; everything else is private by name. They load on first use, so that a
command which needs none of them (``--help``, ``doctor``) does not load the native core and its vocabularies.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokmeter._core import (
        Attribution,
        Budget,
        HostRule,
        Meter,
        Policies,
        PriceBook,
        Request,
        Tokenizer,
        get_tokenizer,
    )
    from tokmeter.errors import TokmeterError

    __version__: str

__all__ = [
    "Attribution",
    "Budget",
    "HostRule",
    "Meter",
    "Policies",
    "PriceBook",
    "Request",
    "Tokenizer",
    "TokmeterError",
    "__version__",
    "get_tokenizer",
]


def __getattr__(name: str) -> Any:
    """Loads a public name from the module that owns it."""
    if name == "__version__":
        from importlib.metadata import version

        return version("tokmeter")
    if name == "TokmeterError":
        return import_module("tokmeter.errors").TokmeterError
    if name in __all__:
        return getattr(import_module("tokmeter._core"), name)
    raise AttributeError(f"module 'tokmeter' has no attribute {name!r}")
