"""Node releases that ignore HTTPS_PROXY reach the proxy with the script that ships, by fetch and by https."""

import asyncio
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.integration.provider_certificate import ProviderCertificate
from tests.integration.proxied import proxied, run
from tests.integration.scripted_meter import ScriptedMeter, install
from tests.integration.upstream import upstream
from tokmeter.capture.proxy import environment, write_trust

METERED = "api.metered.test"
NODE = shutil.which("node")
SCRIPT = f"""
const https = require('https');
const get = () => new Promise((done, failed) => https.get('https://{METERED}/gzip', (reply) => {{
  reply.resume();
  reply.on('end', () => done(reply.statusCode));
}}).on('error', failed));
(async () => {{
  const big = await (await fetch('https://{METERED}/big', {{ method: 'POST', body: '{{}}' }})).arrayBuffer();
  const refused = await fetch('https://{METERED}/drop', {{ method: 'POST' }}).then((r) => r.text()).catch(() => 'cut');
  console.log(big.byteLength, await get(), refused);
}})();
"""


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_an_unmodified_node_program_is_metered(tmp_path: Path) -> None:
    async def scenario() -> None:
        meter = ScriptedMeter((METERED,))
        provider = ProviderCertificate(tmp_path, METERED)
        async with upstream(provider.server()) as up:
            settings: dict[str, Any] = {"connect_to": {METERED: f"{up.host}:{up.port}"}, "upstream_ca": provider.root}
            async with proxied(meter, tmp_path / "ca", **settings) as proxy:
                files = write_trust(tmp_path / "trust", proxy.capture.authority)
                variables = environment(f"http://{proxy.host}:{proxy.port}", files, existing={}).variables
                program = await asyncio.create_subprocess_exec(
                    NODE or "", "-e", SCRIPT, env=dict(os.environ) | variables, stdout=asyncio.subprocess.PIPE
                )
                said, _ = await program.communicate()
                assert said.decode().split() == ["20000000", "200", "cut"]
                await proxy.entry(3)
        paths = sorted((exchange.request.path, exchange.closes[0]) for exchange in meter.exchanges)
        assert paths == [("/big", "complete"), ("/drop", "upstream_gone"), ("/gzip", "complete")]

    run(scenario())
