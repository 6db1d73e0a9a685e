"""An injected manifest without any Kubernetes, by ``podman kube play``: the quick check on a machine of one's own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from tests.integration.namespaces import TwoMachines, require_namespaces
from tests.kubernetes import images, material, podman
from tests.kubernetes.injection import injected
from tests.kubernetes.podman import Podman
from tests.kubernetes.workload import CHAT, namespace, pod_spec

METRICS = ("curl", "-sS", "--max-time", "5", "http://127.0.0.1:15490/metrics")


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[TwoMachines]:
    """A network for the pod, and one in which the provider answers."""
    if (absent := podman.lacking()) is not None:
        pytest.skip(f"needs {absent}")
    require_namespaces()
    with TwoMachines(tmp_path) as both:
        both.resolve("ipv4")
        words = ("-m", "tokmeter.testing.simulator", "--host", "0.0.0.0", "--port", "443", "--tls")
        command = [*both.provider.inside, sys.executable, *words, "--certificate", str(material.file())]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as simulator:
            assert simulator.stdout is not None
            assert simulator.stdout.readline()
            yield both
            simulator.terminate()


def test_an_injected_pod_is_metered(machines: TwoMachines, tmp_path: Path) -> None:
    program = pod_spec(images.PYTHON_APP, hostAliases=[])
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "asker", "labels": {"app": "asker"}},
        "spec": program,
    }
    space = namespace("default", {"tokmeter.io/inject": "enabled"})
    settings = tmp_path / "settings"
    settings.mkdir()
    # Podman knows no native sidecar.
    _, changed = yaml.safe_load_all(injected(settings, pod, space, native_sidecar="never"))
    # Podman takes no long paths.
    with TemporaryDirectory(prefix="tokmeter-") as place:
        work = Path(place)
        work.chmod(0o755)
        file = work / "pod.yaml"
        file.write_text(yaml.safe_dump(podman.played(changed, work)))
        here = Podman(work, machines.applications.inside)
        for archive in (images.tokmeter(), images.python_app()):
            here.load(archive)
        here.run("kube", "play", "--network", "host", str(file))
        try:
            here.run("exec", "asker-tokmeter", "tokmeter", "proxy", "--await", "60")
            answer = json.loads(here.run("exec", "asker-app", "python3", "-c", CHAT))
            samples = here.run("exec", "asker-app", *METRICS)
        finally:
            here.run("kube", "play", "--down", str(file))

    assert answer.keys() == {"tokens"}, answer
    (counted,) = (line for line in samples.splitlines() if line.startswith("tokmeter_input_tokens_total"))
    assert 'service="asker"' in counted
    assert float(counted.rpartition(" ")[2]) == answer["tokens"][0]
