"""The queue between the tracer and the live view."""

from tests.unit.watch.entries import entry
from tokmeter.watch import traced
from tokmeter.watch.traced import TracedSource
