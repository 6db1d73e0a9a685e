"""Capture sources: adapters that bring bytes, instants and names to the core. They do not know each other."""
