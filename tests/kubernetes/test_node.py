"""The node itself: what later tests stand on."""

from tests.kubernetes import images
from tests.kubernetes.material import HOSTS
from tests.kubernetes.node import Node
from tests.kubernetes.provider import Provider


def test_pods_run_and_their_names_resolve(node: Node) -> None:
    script = "import socket; print(socket.gethostbyname('kubernetes.default.svc.cluster.local'))"
    words = ("run", "first", "--restart=Never", f"--image={images.PYTHON_APP}", "--", "-c", script)
    node.kubectl(*words)
    node.kubectl("wait", "pod/first", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=50s")

    assert node.logs("first") == "10.96.0.1\n"


def test_the_provider_answers_under_its_own_name_and_its_certificate_is_not_trusted(
    node: Node, provider: Provider
) -> None:
    spec = {
        "restartPolicy": "Never",
        "hostAliases": list(provider.aliases),
        "containers": [{"name": "app", "image": images.PYTHON_APP, "command": ["curl", "-sS", f"https://{HOSTS[0]}/"]}],
    }
    node.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "stranger"}, "spec": spec})
    node.kubectl("wait", "pod/stranger", "--for=jsonpath={.status.phase}=Failed", "--timeout=50s")

    assert "self-signed certificate" in node.logs("stranger") or "unable to get local issuer" in node.logs("stranger")
