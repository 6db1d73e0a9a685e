"""A script that calls curl for each request of a file and prints what came back."""

import subprocess
import sys
import tempfile

from plan import calls, show

PROTOCOLS = {"1.1": "HTTP/1.1", "2": "HTTP/2"}
COMMAND = ["curl", "--silent", "--show-error", "--write-out", "%{http_code} %{http_version}"]


def main(path):
    """One curl for each request."""
    for _, url, headers, body, chunked in calls(path):
        with tempfile.NamedTemporaryFile() as sent, tempfile.NamedTemporaryFile() as received:
            command = [*COMMAND, "--output", received.name]
            for name, value in headers.items():
                command += ["--header", f"{name}: {value}"]
            if body is not None:
                sent.write(body)
                sent.flush()
                command += ["--data-binary", f"@{sent.name}"]
            if chunked:
                command += ["--header", "transfer-encoding: chunked"]
            said = subprocess.run([*command, url], check=True, stdout=subprocess.PIPE, text=True).stdout
            status, version = said.split()
            show(int(status), PROTOCOLS[version], received.read())


if __name__ == "__main__":
    main(sys.argv[1])
