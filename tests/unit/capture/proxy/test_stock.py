"""What importing the proxy leaves out, and that it leaves nothing behind."""

import subprocess
import sys

LEFT_OUT = ("flask", "ldap3", "mitmproxy.addons.dumper")

PROGRAM = f"""
import sys
import tokmeter.capture.proxy
from tokmeter.capture.proxy import stock
print([name for name in {LEFT_OUT!r} if name in sys.modules])
import mitmproxy.addons
print(mitmproxy.addons.core is stock.core, len(mitmproxy.addons.default_addons()) > 20)
"""


def test_the_other_addons_are_not_loaded_until_somebody_asks() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=30)

    assert ran.stdout.splitlines() == ["[]", "True True"]
