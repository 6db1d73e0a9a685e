"""What tokmeter's users need to test with it: a provider simulator, a manual clock and sample entries."""

from tokmeter.testing.clock import ManualClock
from tokmeter.testing.entries import SampleEntry
from tokmeter.testing.simulator import Behaviour, ProviderSimulator, ReceivedRequest, ThreadedSimulator

__all__ = ["Behaviour", "ManualClock", "ProviderSimulator", "ReceivedRequest", "SampleEntry", "ThreadedSimulator"]
