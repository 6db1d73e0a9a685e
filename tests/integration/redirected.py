"""A program for a network namespace of its own: real redirected connections, IPv4 and IPv6, through a transparent proxy.

Run by `test_proxy_transparent`; prints what each client saw and what the meter saw, one JSON object.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.proxied import post, proxied, run, whole
from tests.integration.scripted_meter import ScriptedMeter, install
from tests.integration.test_proxy_tls import METERED, OTHER, peer, trusting
from tests.integration.upstream import upstream

PROXY = 15_001
ADDRESSES = ("203.0.113.7", "2001:db8::7")
RULES = f"""
table inet tokmeter {{
  chain output {{
    type nat hook output priority -100
    ip daddr {ADDRESSES[0]} tcp dport 443 redirect to :{PROXY}
    ip6 daddr {ADDRESSES[1]} tcp dport 443 redirect to :{PROXY}
  }}
}}
"""


def prepare() -> None:
    """Addresses to ask for, and the redirect."""
    for command in (
        "link set lo up",
        f"addr add {ADDRESSES[0]}/32 dev lo",
        f"addr add {ADDRESSES[1]}/128 dev lo nodad",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    subprocess.run(["nft", "-f", "-"], input=RULES, text=True, check=True)


async def scenario(directory: Path) -> None:
    """Asks for the metered host and another one at each address."""
    meter = ScriptedMeter((METERED,))
    provider = ProviderCertificate(directory, METERED, OTHER)
    seen: list[dict[str, Any]] = []
    async with upstream(provider.server()) as up:
        routes = dict.fromkeys((METERED, *ADDRESSES), f"{up.host}:{up.port}")
        settings: dict[str, Any] = {"mode": "transparent", "upstream_ca": provider.root, "connect_to": routes}
        listen = (("127.0.0.1", PROXY), ("::1", PROXY))
        async with proxied(meter, directory / "ca", listen=listen, **settings) as proxy:
            for address in ADDRESSES:
                for name, root in ((METERED, proxy.capture.authority.root_pem), (OTHER, provider.root)):
                    reader, writer = await asyncio.open_connection(
                        address, 443, ssl=trusting(root), server_hostname=name
                    )
                    writer.write(post("/json"))
                    reply = await whole(reader)
                    seen.append({"name": name, "status": reply.status, "own": peer(writer) == provider.der})
                    writer.close()
            await proxy.entry(2)
    metered = [[exchange.request.host, exchange.request.port] for exchange in meter.exchanges]
    sys.stdout.write(json.dumps({"seen": seen, "metered": metered}))


if __name__ == "__main__":
    install(pytest.MonkeyPatch())
    prepare()
    run(scenario(Path(sys.argv[1])))
