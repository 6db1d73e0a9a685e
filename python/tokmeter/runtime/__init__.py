"""Wiring: which part gets which value, in which order it starts and stops. Holds no logic.

``sidecar`` is a process with the proxy, ``host`` one with the tracer; they share no part that needs the other's libraries.
"""
