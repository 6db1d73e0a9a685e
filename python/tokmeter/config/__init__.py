"""The configuration: `load` a file, get a `Config`, turn it into the core's objects."""

from tokmeter.config.address import Address, address, addresses
from tokmeter.config.core import MeterArguments, connect_to, meter_arguments
from tokmeter.config.load import load
from tokmeter.config.rendering import render
from tokmeter.config.schema import (
    BudgetConfig,
    Config,
    LimitConfig,
    MetricsConfig,
    PoliciesConfig,
    PriceAs,
    ProviderConfig,
    ProxyConfig,
    RatesConfig,
    ScopeConfig,
    TokenizerConfig,
    WindowConfig,
)
from tokmeter.config.vocabulary import read_tokenizer, tokenizers

__all__ = [
    "Address",
    "BudgetConfig",
    "Config",
    "LimitConfig",
    "MeterArguments",
    "MetricsConfig",
    "PoliciesConfig",
    "PriceAs",
    "ProviderConfig",
    "ProxyConfig",
    "RatesConfig",
    "ScopeConfig",
    "TokenizerConfig",
    "WindowConfig",
    "address",
    "addresses",
    "connect_to",
    "load",
    "meter_arguments",
    "read_tokenizer",
    "render",
    "tokenizers",
]
