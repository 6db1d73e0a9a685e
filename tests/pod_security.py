"""Pod Security Standards as tests need them: what `baseline` and `restricted` forbid in a pod, said in words.

Owns the rules for Linux pods, as the documentation of Kubernetes lists them. Shared by tests; asks no cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

BASELINE_CAPABILITIES = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}


def baseline(pod: Mapping[str, Any]) -> list[str]:
    """What `baseline` forbids in `pod`."""
    return [*_baseline_pod(pod), *(f"{c['name']}: {what}" for c in _containers(pod) for what in _baseline_container(c))]


def restricted(pod: Mapping[str, Any]) -> list[str]:
    """What `restricted` forbids in `pod`, beside what `baseline` does."""
    spec = pod["spec"]
    found = baseline(pod)
    for volume in spec.get("volumes") or ():
        kinds = set(volume) - {"name"}
        if kinds - RESTRICTED_VOLUMES:
            found.append(f"volume {volume['name']}: {', '.join(sorted(kinds - RESTRICTED_VOLUMES))}")
    shared = spec.get("securityContext") or {}
    if shared.get("runAsUser") == 0:
        found.append("the pod runs as root")
    for container in _containers(pod):
        found += [f"{container['name']}: {what}" for what in _restricted_container(container, shared)]
    return found


def _baseline_pod(pod: Mapping[str, Any]) -> Iterator[str]:
    spec = pod["spec"]
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield name
    for volume in spec.get("volumes") or ():
        if "hostPath" in volume:
            yield f"volume {volume['name']}: hostPath"
    shared = spec.get("securityContext") or {}
    yield from _shared(shared)
    for sysctl in shared.get("sysctls") or ():
        if sysctl["name"] not in SAFE_SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    for name, value in ((pod.get("metadata") or {}).get("annotations") or {}).items():
        if name.startswith("container.apparmor.security.beta.kubernetes.io/") and value == "unconfined":
            yield "AppArmor unconfined"


def _baseline_container(container: Mapping[str, Any]) -> Iterator[str]:
    security = container.get("securityContext") or {}
    yield from _shared(security)
    if security.get("privileged"):
        yield "privileged"
    if set((security.get("capabilities") or {}).get("add") or ()) - BASELINE_CAPABILITIES:
        yield "capabilities added"
    if (security.get("procMount") or "Default") != "Default":
        yield "procMount"
    if any(port.get("hostPort") for port in container.get("ports") or ()):
        yield "hostPort"
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        if any((container.get(probe, {}).get(kind) or {}).get("host") for kind in ("httpGet", "tcpSocket")):
            yield f"{probe} names a host"


def _shared(security: Mapping[str, Any]) -> Iterator[str]:
    """Rules for a pod's and a container's security context alike."""
    if (security.get("seccompProfile") or {}).get("type") == "Unconfined":
        yield "seccomp unconfined"
    if (security.get("appArmorProfile") or {}).get("type") == "Unconfined":
        yield "AppArmor unconfined"
    if (security.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess"
    selinux = security.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"


def _restricted_container(container: Mapping[str, Any], shared: Mapping[str, Any]) -> Iterator[str]:
    security = container.get("securityContext") or {}
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may escalate privileges"
    if not security.get("runAsNonRoot", shared.get("runAsNonRoot")):
        yield "may run as root"
    if security.get("runAsUser") == 0:
        yield "runs as root"
    profile = security.get("seccompProfile") or shared.get("seccompProfile") or {}
    if profile.get("type") not in {"RuntimeDefault", "Localhost"}:
        yield "no seccomp profile"
    capabilities = security.get("capabilities") or {}
    if "ALL" not in (capabilities.get("drop") or ()):
        yield "keeps capabilities"
    if set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield "adds capabilities"


def _containers(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod["spec"].get(kind) or ()
