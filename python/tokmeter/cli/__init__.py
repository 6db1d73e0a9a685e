"""The command line. One module a command; data goes to stdout, words to stderr."""

from tokmeter.cli.commands import main

__all__ = ["main"]
