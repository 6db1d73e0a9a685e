"""Who is traced, and who is not: what the programs hand over is of allowed processes and of LLM traffic alone."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.applications import Application, Call, base_environment, python_program
from tests.integration.namespaces import TwoMachines
from tests.integration.test_clients_http import HEADERS, URL, body
from tests.privileged.cgroups import cgroup
from tests.privileged.traced import LIMIT_S, WAITING, Tracer, arrived, ended, library, own_copy, trusting
from tokmeter.testing import ThreadedSimulator

PROGRAM = """
import http.client, json, ssl, sys
sys.stdin.readline()
host, port, path, tls = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4] == "tls"
connection = http.client.HTTPSConnection(host, port) if tls else http.client.HTTPConnection(host, port)
for _ in range(3):
    connection.request("POST", path, json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "x"}]}),
                       {"content-type": "application/json"})
    answer = connection.getresponse()
    answer.read()
print(json.dumps({"status": answer.status}))
"""


def program(*arguments: str) -> list[str]:
    """A Python program that makes three requests on one connection."""
    return [python_program("openai_calls.py")[0], "-c", PROGRAM, *arguments]


@pytest.mark.timeout(120)
def test_a_neighbour_in_the_same_library_leaves_no_trace(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, tmp_path: Path
) -> None:
    """Both use one file that is attached to for all who use it: only the kernel's table tells them apart."""
    own_copy(machines.applications, library("libssl.so.3"), tmp_path)
    environ = trusting(tmp_path, provider.ca_path)
    command = [
        *machines.applications.inside,
        *WAITING,
        *program("api.openai.com", "443", "/v1/chat/completions", "tls"),
    ]
    start = {"env": environ, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with (
        cgroup() as group,
        subprocess.Popen(command, **start) as chosen,  # type: ignore[call-overload]
        subprocess.Popen(command, **start) as neighbour,  # type: ignore[call-overload]
    ):
        arrived(chosen)
        arrived(neighbour)
        (group / "cgroup.procs").write_text(str(chosen.pid))
        with tracer.watching("--cgroup", str(group)) as watch:
            # The neighbour first: were it seen, it would be told first.
            neighbour.communicate("go\n\n", timeout=LIMIT_S)
            chosen.communicate("go\n\n", timeout=LIMIT_S)
            events, _ = ended(watch)

    assert len(provider.requests) == 6
    assert [event["pid"] for event in events] == [chosen.pid] * 3


@pytest.mark.timeout(120)
def test_other_servers_are_not_captured(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, tmp_path: Path
) -> None:
    command = program("other.test", "443", "/anything", "tls")

    traced = tracer.run(command, trusting(tmp_path, provider.ca_path), machines.applications.inside)

    assert traced.lines
    assert traced.events == []


@pytest.mark.timeout(120)
def test_a_path_of_a_model_is_captured_whoever_serves_it(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, tmp_path: Path
) -> None:
    command = program("other.test", "443", "/v1/chat/completions", "tls")

    traced = tracer.run(command, trusting(tmp_path, provider.ca_path), machines.applications.inside)

    assert [event["usage"]["output_tokens"] for event in traced.events] == [
        request.output_tokens for request in provider.requests
    ]


@pytest.mark.timeout(120)
def test_http_without_tls(tracer: Tracer, tmp_path: Path) -> None:
    with ThreadedSimulator(tls=False) as simulator:
        command = program(simulator.host, str(simulator.port), "/v1/chat/completions", "plain")
        traced = tracer.run(command, base_environment(tmp_path))

        assert [event["usage"]["output_tokens"] for event in traced.events] == [
            request.output_tokens for request in simulator.requests
        ]
        assert [event["status"] for event in traced.events] == [200] * 3


@pytest.mark.timeout(120)
def test_openai_sdk_on_a_server_without_tls(tracer: Tracer, tmp_path: Path) -> None:
    with ThreadedSimulator(tls=False) as simulator:
        base = f"http://{simulator.host}:{simulator.port}/v1"
        environ = {**base_environment(tmp_path), "OPENAI_BASE_URL": base}
        traced = tracer.run([*python_program("openai_calls.py"), "sync", "chat", "stream_with_usage"], environ)

        assert [(event["stream"], event["usage"]["input_tokens"]) for event in traced.events] == [
            (False, simulator.requests[0].input_tokens),
            (True, simulator.requests[1].input_tokens),
        ]


@pytest.mark.timeout(180)
def test_a_long_request_is_seen_whole(
    machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, tmp_path: Path
) -> None:
    """One write of three megabytes: as many records as the ring holds, and every one of them."""
    large = body(tmp_path / "large", pad=3_000_000)
    plan = tmp_path / "plan"
    app = Application("requests", python_program("requests_calls.py"), "HTTP/1.1")
    command = app.planned(plan, [Call(URL, large, HEADERS)])

    traced = tracer.run(command, trusting(tmp_path, provider.ca_path), machines.applications.inside)

    assert [(event["request_model"], event["defects"]) for event in traced.events] == [("gpt-4o", [])]


@pytest.mark.timeout(120)
def test_gnutls(machines: TwoMachines, provider: ThreadedSimulator, tracer: Tracer, tmp_path: Path) -> None:
    if shutil.which("gnutls-cli") is None:
        pytest.skip("needs gnutls-cli (apt package gnutls-bin)")
    content = body(tmp_path / "body").read_bytes()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    (tmp_path / "request").write_bytes(head.encode() + content)
    # It ends when its input does: that stays open until the reply was seen.
    script = f"(cat {tmp_path}/request; sleep 3) | gnutls-cli --x509cafile {provider.ca_path} -p 443 api.openai.com >/dev/null"

    own_copy(machines.applications, library("libgnutls.so.30"), tmp_path)

    with cgroup() as group:
        traced = tracer.run(["sh", "-c", script], base_environment(tmp_path), machines.applications.inside, group=group)

    assert [event["usage"]["output_tokens"] for event in traced.events] == [
        request.output_tokens for request in provider.requests
    ]
    assert {event["process"] for event in traced.events} == {"gnutls-cli"}


@pytest.mark.timeout(60)
def test_what_is_written_to_a_file_is_no_traffic(tracer: Tracer, tmp_path: Path) -> None:
    request = "POST /v1/chat/completions HTTP/1.1\r\nHost: api.openai.com\r\nContent-Length: 2\r\n\r\n{}"
    script = f"printf '{request}' > {tmp_path}/file; printf '{request}' | cat > {tmp_path}/copy"

    traced = tracer.run(["sh", "-c", script], base_environment(tmp_path))

    assert (tmp_path / "copy").stat().st_size == len(request)
    assert traced.events == []
