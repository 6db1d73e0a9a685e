"""Runs the simulator alone: ``python -m tokmeter.testing.simulator --port 8900 [--tls]``."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path

from tokmeter.testing.simulator.behaviour import Behaviour
from tokmeter.testing.simulator.server import ProviderSimulator


async def serve(arguments: argparse.Namespace) -> None:
    """Serves until SIGINT or SIGTERM; the first line on stdout says where, as JSON."""
    simulator = ProviderSimulator(
        tls=arguments.tls,
        certificate=arguments.certificate,
        host=arguments.host,
        port=arguments.port,
        names=arguments.name,
        behaviour=Behaviour.parse(arguments.behaviour),
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with simulator:
        where = {
            "host": simulator.host,
            "port": simulator.port,
            "ca_path": str(simulator.ca_path) if arguments.tls and arguments.certificate is None else None,
        }
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        await stop.wait()


def main() -> None:
    """Reads the arguments and serves."""
    parser = argparse.ArgumentParser(prog="python -m tokmeter.testing.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes any free port")
    parser.add_argument("--tls", action="store_true", help="serve HTTPS with a throw-away authority")
    parser.add_argument("--certificate", type=Path, help="serve HTTPS with the key and chain in this PEM file")
    parser.add_argument("--name", action="append", default=[], help="a further host name for the certificate")
    parser.add_argument("--behaviour", default="", help="default behaviour, as in the x-simulate header")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
