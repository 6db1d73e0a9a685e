"""`tokmeter watch` beside a real sidecar and on a real ledger."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading

from tests.integration.sidecar import LIMIT_S, Bench, command_line, run


def test_watch_follows_a_sidecar(bench: Bench) -> None:
    with (
        bench.proxy() as served,
        subprocess.Popen(
            command_line("watch", "--from", served.where["metrics"], "--json"),
            env=bench.environ,
            stdout=subprocess.PIPE,
            text=True,
        ) as watch,
    ):
        try:
            pause = threading.Event()
            while "tokmeter_event_subscribers 1.0" not in served.get("/metrics"):
                pause.wait(0.05)
            run(bench.calls("api.openai.com", 1), {**bench.environ, **served.variables()})
            assert watch.stdout is not None
            event = json.loads(watch.stdout.readline())
            watch.send_signal(signal.SIGINT)
            status = watch.wait(LIMIT_S)
        finally:
            watch.kill()

    assert (event["provider"], event["service"], event["capture"], event["decision"]) == (
        "openai",
        "checkout",
        "proxy",
        "admit",
    )
    assert event["usage"]["output_tokens"] == 24
    assert status == 130


def test_watch_draws_a_ledger_s_table(bench: Bench) -> None:
    with bench.proxy() as served:
        environ = {**bench.environ, **served.variables()}
        run(bench.calls("api.openai.com", 2), environ)
        run(bench.calls("api.anthropic.com", 1), environ)

    done = bench.tokmeter("watch", "--ledger", bench.ledger, "--plain", "--interval", "0.2", "--rounds", "1")

    lines = done.stdout.splitlines()
    assert lines[0].startswith("SERVICE")
    assert "checkout" in lines[1]
    assert lines[3].split()[:2] == ["total", "3"]
    assert "\x1b" not in done.stdout, "no escape codes in a pipe"


def test_watch_needs_exactly_one_source(bench: Bench) -> None:
    assert bench.tokmeter("watch", check=False).returncode == 2
    assert bench.tokmeter("watch", "--from", "http://x", "--ledger", "y", check=False).returncode == 2


def test_a_sidecar_is_not_there(bench: Bench) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        done = bench.tokmeter("watch", "--from", f"http://127.0.0.1:{taken.getsockname()[1]}", check=False)

    assert done.returncode == 1
    assert "no sidecar answers" in done.stderr
