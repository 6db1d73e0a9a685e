"""Who a process belongs to: control group, container, pod and namespace, systemd unit, user.

Owns what is read from a host about processes that something else found, and which processes a person means. Refuses to
know how traffic is captured, and where it is accounted.
"""

from tokmeter.resolve.resolver import Resolver
from tokmeter.resolve.roots import Roots
from tokmeter.resolve.workload import Workload

__all__ = ["Resolver", "Roots", "Workload"]
