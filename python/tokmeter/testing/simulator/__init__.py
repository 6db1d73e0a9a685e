"""A provider simulator: real sockets and TLS, the wire formats of OpenAI and Anthropic, counted usage, scripted faults."""

from tokmeter.testing.simulator.behaviour import Behaviour
from tokmeter.testing.simulator.journal import Journal, ReceivedRequest
from tokmeter.testing.simulator.server import ProviderSimulator
from tokmeter.testing.simulator.thread import ThreadedSimulator

__all__ = ["Behaviour", "Journal", "ProviderSimulator", "ReceivedRequest", "ThreadedSimulator"]
