"""The admission webhook: asks `tokmeter.inject` about each pod that is created, and answers the API server.

`review` and `certificates.plan` are pure; `server` owns sockets, `cluster` what is read from and written to the API
server, `service` puts all of it together. No rule about pods is here.
"""

from tokmeter.injector.service import Place, Running, Settings, running

__all__ = ["Place", "Running", "Settings", "running"]
