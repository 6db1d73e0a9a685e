"""`tokmeter injector` as a process: it serves, and on SIGTERM it leaves within five seconds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from tests.kubernetes.admission.api_server import ApiServer
from tests.kubernetes.admission.endpoints import Endpoints, kubeconfig
from tests.kubernetes.admission.injected import INJECTION, OWN, SERVICE, cluster, pod

PATIENCE_S = 50.0


@contextmanager
def process(endpoints: Endpoints, folder: Path) -> Iterator[tuple[subprocess.Popen[str], ApiServer, str]]:
    """The injector, how an API server reaches it, and where its metrics are."""
    settings = folder / "injection.yaml"
    settings.write_text(INJECTION)
    with endpoints.serving() as address:
        command = [sys.executable, "-m", "tokmeter", "injector", "--settings", str(settings), "--json"]
        command += ["--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
        command += ["--kubeconfig", str(kubeconfig(address, folder / "kubeconfig"))]
        running = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert line, running.communicate(timeout=PATIENCE_S)[1]
            places = json.loads(line)
            host, port = urlsplit(places["webhook"]).netloc.split(":")
            base = places["metrics"].removesuffix("/metrics")
            ready(base)
            with closing(ApiServer(endpoints, {(OWN, SERVICE): (host, int(port))})) as server:
                yield running, server, base
        finally:
            running.kill()
            running.communicate()


def ready(base: str) -> None:
    pause = threading.Event()
    for _ in range(int(PATIENCE_S / 0.05)):
        try:
            with urlopen(f"{base}/readyz", timeout=PATIENCE_S) as answer:
                assert answer.status == 200
                return
        except URLError:
            pause.wait(0.05)
    raise AssertionError("never ready")


def test_it_serves_and_leaves(tmp_path: Path) -> None:
    with process(cluster(), tmp_path) as (running, server, base):
        assert server.create(pod(), "shop").ignored == []
        with urlopen(f"{base}/metrics", timeout=PATIENCE_S) as answer:
            assert b'tokmeter_injector_admissions_total{outcome="injected"} 1.0' in answer.read()

        began = monotonic()
        running.send_signal(signal.SIGTERM)
        # Nodes that have not heard of it still send pods here.
        assert server.create(pod(), "shop").ignored == []
        err = running.communicate(timeout=PATIENCE_S)[1]

        assert running.returncode == 0, err
        assert monotonic() - began < 5
        assert "tokmeter: leaving" in err
        assert "Traceback" not in err
