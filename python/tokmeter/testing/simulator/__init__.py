"""A provider simulator: real sockets and TLS, the providers' wire formats, counted usage, scripted faults."""

from tokmeter.testing.simulator.behaviour import Behaviour
from tokmeter.testing.simulator.journal import Journal, ReceivedRequest
from tokmeter.testing.simulator.providers import HOSTS
from tokmeter.testing.simulator.server import ProviderSimulator
from tokmeter.testing.simulator.thread import ThreadedSimulator

__all__ = ["HOSTS", "Behaviour", "Journal", "ProviderSimulator", "ReceivedRequest", "ThreadedSimulator"]
