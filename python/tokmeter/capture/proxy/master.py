"""mitmproxy's master with the addons that are needed and no others: the stock set doubles the cost of a request.

Owns how mitmproxy is set up. It never listens itself, see `listener`.
"""

from collections.abc import Callable

from mitmproxy import options

from tokmeter.capture.proxy import faults
from tokmeter.capture.proxy.authority import Authority
from tokmeter.capture.proxy.certificates import LeafCertificates
from tokmeter.capture.proxy.dispatch import HookTable
from tokmeter.capture.proxy.settings import ProxySettings
from tokmeter.capture.proxy.stock import Master, core, disable_h2c, next_layer, proxyserver


def build_master(
    settings: ProxySettings,
    authority: Authority | None,
    own: list[object],
    on_failure: Callable[[str, BaseException], None],
) -> tuple[Master, HookTable]:
    """A master ready to run in the running loop, and the table of its hooks: mitmproxy's, then `own`.

    Without an `authority` no client can speak TLS.
    """
    built = Master(options.Options(confdir=str(settings.ca_dir), mode=[settings.proxy_mode().full_spec]))
    addons: list[object] = [
        core.Core(),
        proxyserver.Proxyserver(),
        next_layer.NextLayer(),
        disable_h2c.DisableH2C(),
        LeafCertificates(authority),
    ]
    built.addons.add(*addons)
    built.options.update(
        server=False,
        connection_strategy="lazy",
        http2=True,
        websocket=False,  # relayed raw: mitmproxy would hold each message whole and frame it anew
        upstream_cert=False,
        ssl_insecure=False,
        ssl_verify_upstream_trusted_ca=str(settings.upstream_ca) if settings.upstream_ca else None,
    )
    if "tcp_timeout" in built.options:
        built.options.update(tcp_timeout=settings.idle_s)
    built._legacy_log_events.uninstall()  # noqa: SLF001 - it would build an event for every log record of the program
    faults.quieten()
    return built, HookTable([*addons, *own], on_failure)
