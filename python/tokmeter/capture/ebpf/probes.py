"""Where the programs are attached: functions of TLS libraries, system calls, and events in the life of processes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Probe:
    """A function and the programs that run when it is entered and when it returns."""

    function: str
    enter: str
    leave: str | None = None
    """In a function of Go this runs at each of its return instructions, for which the programs are made; elsewhere, when it
    returns."""


PROBES = (
    Probe("SSL_write", "tls_call", "tls_sent"),
    Probe("SSL_read", "tls_call", "tls_received"),
    Probe("SSL_write_ex", "tls_call_ex", "tls_sent"),
    Probe("SSL_read_ex", "tls_call_ex", "tls_received"),
    Probe("SSL_free", "tls_free"),
    # OpenSSL sets the server's name by a command of this one; BoringSSL has a function of its own.
    Probe("SSL_ctrl", "tls_control"),
    Probe("SSL_set_tlsext_host_name", "tls_host_name"),
    Probe("gnutls_record_send", "tls_call", "tls_sent"),
    Probe("gnutls_record_recv", "tls_call", "tls_received"),
    Probe("gnutls_server_name_set", "tls_server_name"),
    Probe("gnutls_deinit", "tls_free"),
)
"""What is attached in every file that has it."""

GO_PROBES = (
    Probe("crypto/tls.(*Conn).Write", "go_write", "go_write_end"),
    Probe("crypto/tls.(*Conn).Read", "go_read", "go_read_end"),
    Probe("crypto/tls.(*Conn).Close", "go_close"),
)
"""The same in every program of Go."""

BY_FUNCTION = {probe.function: probe for probe in (*PROBES, *GO_PROBES)}

PROGRAMS = tuple(
    dict.fromkeys(
        program for probe in BY_FUNCTION.values() for program in (probe.leave, probe.enter) if program is not None
    )
)
"""Every program of a function, those that are needed most first."""

PROCESS_EVENTS = (
    ("process_fork", "sched", "sched_process_fork"),
    ("process_exec", "sched", "sched_process_exec"),
    ("process_exit", "sched", "sched_process_exit"),
)
"""Program, category and tracepoint."""

_BUFFER, _ANY, _SEGMENTS, _MESSAGE = "plain_call", "plain_call_any", "plain_call_segments", "plain_call_message"
_SENT, _RECEIVED = "plain_sent", "plain_received"

_CALLS = (
    ("write", _ANY, _SENT),
    ("sendto", _BUFFER, _SENT),
    ("writev", _SEGMENTS, _SENT),
    ("sendmsg", _MESSAGE, _SENT),
    ("read", _ANY, _RECEIVED),
    ("recvfrom", _BUFFER, _RECEIVED),
    ("readv", _SEGMENTS, _RECEIVED),
    ("recvmsg", _MESSAGE, _RECEIVED),
)

PLAIN_EVENTS = (
    *((enter, "syscalls", f"sys_enter_{call}") for call, enter, _ in _CALLS),
    *((leave, "syscalls", f"sys_exit_{call}") for call, _, leave in _CALLS),
    ("plain_connect", "syscalls", "sys_enter_connect"),
    ("plain_close", "syscalls", "sys_enter_close"),
)
"""The system calls that HTTP without TLS goes through. io_uring and sendfile go by others, and are not seen."""
