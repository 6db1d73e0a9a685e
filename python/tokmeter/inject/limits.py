"""Bounds of injection, each with unit and reason."""

CONFIGURATION_BYTES: int = 64 * 1024
"""Bytes of the configuration in a pod's environment. The kernel takes 128 KiB a variable, and every pod carries it."""

PORTS_MAX = 16
"""Ports to capture: a set in the kernel's rules, written by hand."""

CIDRS_MAX = 64
"""Networks to leave alone; the same."""

BUDGETS_MAX = 32
"""Budgets of one pod: each is looked at for each request."""

MANIFEST_BYTES = 32 << 20
"""Bytes of a manifest file. The largest charts render a few MB."""

MANIFEST_NODES = 1_000_000
"""YAML nodes after aliases are followed: a few nested aliases can stand for billions."""

MANIFEST_DEPTH = 64
"""Nesting of a manifest. Schemas of custom resources reach forty."""
