"""The key and certificate that the provider simulator shows in the cluster. They sign and open nothing but these tests."""

import hashlib
from pathlib import Path

from tests.kubernetes.node.layout import cache
from tests.kubernetes.node.pki import Authority

BEDROCK = "bedrock-runtime.us-east-1.amazonaws.com"
GEMINI = "generativelanguage.googleapis.com"
HOSTS = ("api.openai.com", "api.anthropic.com", BEDROCK, GEMINI)
ELSEWHERE = "elsewhere.test"
"""A host that is no provider; the simulator answers for it too."""
CERTIFICATE = "/etc/provider/certificate.pem"
UPSTREAM_CA = "/etc/provider/ca.pem"
"""Where the image of tokmeter has the root that signed the certificate, as a company's own image would."""


def certificate() -> tuple[bytes, bytes]:
    """Key and certificate of the simulator in PEM, and the root that signed it. The same for all runs of a machine."""
    leaf = file()
    folder, root = leaf.parent, leaf.with_suffix(".ca")
    if not leaf.exists():
        folder.mkdir(parents=True, exist_ok=True)
        authority = Authority("provider")
        authority.issue(leaf, HOSTS[0], None, (*HOSTS, ELSEWHERE), server=True)
        root.write_bytes(authority.pem)
        leaf.write_bytes(leaf.with_suffix(".key").read_bytes() + leaf.with_suffix(".crt").read_bytes())
    return leaf.read_bytes(), root.read_bytes()


def file() -> Path:
    """Where the key and certificate are kept, by the names that it is for."""
    names = hashlib.sha256(" ".join((*HOSTS, ELSEWHERE)).encode()).hexdigest()[:16]
    return cache() / "provider" / f"{names}.pem"
