"""Pods that are left alone, whatever they ask for, each with its reason. Knows no patch."""

from collections.abc import Iterator

from tokmeter.inject.outcome import Namespace, Reason, RefusedError
from tokmeter.inject.pod import Container, Pod
from tokmeter.inject.settings import Injection, Profile

MIRROR = ("kubernetes.io/config.mirror", "kubernetes.io/config.source")
"""Annotations of pods that a kubelet made from files: the API server shows a mirror that cannot be changed."""

_BYPASSING = frozenset({"ALL", "NET_ADMIN", "NET_RAW", "SYS_ADMIN", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"})


def refuse_namespace(namespace: Namespace, injection: Injection) -> None:
    """Raises `RefusedError` where nothing is ever injected."""
    if namespace.name in injection.excluded_namespaces:
        message = f"nothing is injected in the namespace {namespace.name}: it is one of excluded_namespaces"
        raise RefusedError(Reason.EXCLUDED_NAMESPACE, message)


def refuse_kind(pod: Pod) -> None:
    """Raises `RefusedError` for pods of a kind that has no use for a sidecar of ours."""
    if any(pod.annotations.get(name, "api") != "api" for name in MIRROR):
        raise RefusedError(Reason.MIRROR_POD, "this pod is made by a kubelet from a file, and cannot be changed here")
    spec = pod.spec
    if (spec.os and spec.os.name == "windows") or (spec.node_selector or {}).get("kubernetes.io/os") == "windows":
        raise RefusedError(Reason.WINDOWS, "this pod runs on Windows, where there is no sidecar of tokmeter")
    if spec.host_network:
        message = "this pod has the network of its node, where a redirect would catch the whole node: use tokmeter watch there"
        raise RefusedError(Reason.HOST_NETWORK, message)


def refuse_clash(pod: Pod, injection: Injection, others: list[Container]) -> None:
    """Raises `RefusedError` when a container, one of `others`, runs as the sidecar's user or serves its ports."""
    inherited = pod.spec.security_context.run_as_user if pod.spec.security_context else None
    for container in others:
        own = container.security_context.run_as_user if container.security_context else None
        if (inherited if own is None else own) == injection.uid:
            message = (
                f"the container {container.name} runs as user {injection.uid}, whose traffic is not redirected: "
                "let it run as another one"
            )
            raise RefusedError(Reason.UID_CLASH, message)
        for port in container.ports or ():
            if port.container_port in {injection.proxy_port, injection.metrics_port}:
                message = (
                    f"the container {container.name} serves port {port.container_port}, which is the sidecar's: "
                    "change one, or proxy_port or metrics_port of the injector"
                )
                raise RefusedError(Reason.PORT_CLASH, message)


def cautions(pod: Pod, others: list[Container], profile: Profile) -> Iterator[str]:
    """Ways around the sidecar that the pod has. It is no boundary against its own pod: said, not refused."""
    if profile == "base-url":
        yield "what has a base URL in its code goes round the sidecar: only the profile transparent sees that"
    if pod.spec.host_pid:
        yield "hostPID: processes of the node are in reach, and the sidecar's with them"
    if pod.spec.share_process_namespace:
        yield "shareProcessNamespace: containers see each other's processes, and the sidecar's with them"
    for container in others:
        security = container.security_context
        if security is None:
            continue
        added = {name.upper() for name in (security.capabilities and security.capabilities.add) or ()} & _BYPASSING
        if security.privileged:
            yield f"the container {container.name} is privileged and can go round the sidecar"
        elif added:
            yield f"the container {container.name} has {', '.join(sorted(added))} and can go round the sidecar"
