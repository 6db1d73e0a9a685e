"""What the daemons of a node are told: their files and their words on the command line. Pure but for writing the files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.kubernetes.node.layout import (
    API_PORT,
    NODE_IP,
    POD_RANGE,
    REGISTRY,
    SERVICE_RANGE,
    Layout,
)

PAUSE_IMAGE = f"{REGISTRY}/pause:1"
_ETCD = "http://127.0.0.1:2379"
_LOCAL = "127.0.0.1"


def write(layout: Layout, cgroup_root: str) -> None:
    """The files that the daemons read. `cgroup_root` is the control group that all pods are below."""
    run = layout.run
    _write(run / "containerd.toml", _containerd(layout))
    _write(run / "cni" / "10-node.conflist", json.dumps(_network(run)))
    _write(run / "kubelet.yaml", yaml.safe_dump(_kubelet(layout, cgroup_root)))
    _write(run / "kube-proxy.yaml", yaml.safe_dump(_kube_proxy(layout)))
    _write(run / "Corefile", _dns(layout))


def first(layout: Layout) -> Mapping[str, tuple[str, ...]]:
    """What starts before anything else: the store, the runtime, the API server."""
    packages, daemons, pki = layout.packages / "usr/bin", layout.daemons, layout.pki
    etcd_peers = "http://127.0.0.1:2380"
    return {
        "etcd": (
            f"{packages}/etcd",
            f"--data-dir={layout.run}/etcd",
            "--unsafe-no-fsync",
            f"--listen-client-urls={_ETCD}",
            f"--advertise-client-urls={_ETCD}",
            f"--listen-peer-urls={etcd_peers}",
        ),
        "containerd": (f"{packages}/containerd", "-c", f"{layout.run}/containerd.toml"),
        "apiserver": (
            f"{daemons}/kube-apiserver",
            f"--etcd-servers={_ETCD}",
            f"--secure-port={API_PORT}",
            "--bind-address=0.0.0.0",
            f"--advertise-address={NODE_IP}",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--cert-dir={layout.run}",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/sa.pub",
            f"--service-account-signing-key-file={pki}/sa.key",
            f"--token-auth-file={pki}/tokens.csv",
            f"--client-ca-file={pki}/ca.crt",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--allow-privileged=true",
            f"--kubelet-client-certificate={pki}/kubelet-client.crt",
            f"--kubelet-client-key={pki}/kubelet-client.key",
            "--kubelet-preferred-address-types=InternalIP",
        ),
    }


def then(layout: Layout) -> Mapping[str, tuple[str, ...]]:
    """What starts once the API server is ready: the controllers end if its roles are not there yet."""
    daemons, pki, run = layout.daemons, layout.pki, layout.run
    return {
        "controllers": (
            f"{daemons}/kube-controller-manager",
            *_kubeconfigs(pki / "controllers.kubeconfig"),
            "--use-service-account-credentials",
            f"--service-account-private-key-file={pki}/sa.key",
            f"--root-ca-file={pki}/ca.crt",
            # The usual 20 requests a second make a start take five seconds.
            "--kube-api-qps=500",
            "--kube-api-burst=500",
            "--node-monitor-period=1s",
            "--leader-elect=false",
            f"--cert-dir={run}",
            f"--bind-address={_LOCAL}",
        ),
        "scheduler": (
            f"{daemons}/kube-scheduler",
            *_kubeconfigs(pki / "scheduler.kubeconfig"),
            "--leader-elect=false",
            f"--bind-address={_LOCAL}",
            f"--cert-dir={run}",
        ),
        "kubelet": (
            f"{daemons}/kubelet",
            f"--config={run}/kubelet.yaml",
            f"--kubeconfig={pki}/kubelet.kubeconfig",
            f"--root-dir={run}/kubelet",
            f"--cert-dir={run}/kubelet/pki",
            f"--hostname-override={layout.name}",
            f"--node-ip={NODE_IP}",
        ),
        "kube-proxy": (f"{daemons}/kube-proxy", f"--config={run}/kube-proxy.yaml"),
        "coredns": (f"{daemons}/coredns", "-conf", f"{run}/Corefile"),
    }


def _kubeconfigs(file: Path) -> Iterator[str]:
    for purpose in ("", "authentication-", "authorization-"):
        yield f"--{purpose}kubeconfig={file}"


def _containerd(layout: Layout) -> str:
    run, packages = layout.run, layout.packages
    return f"""
version = 2
root = "{run}/containerd/root"
state = "{run}/containerd/state"
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{layout.containerd_socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{run}/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Without CAP_SYS_RESOURCE nobody may ask for a lower score than one's own.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
        BinaryName = "{packages}/usr/sbin/runc"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{packages}/usr/lib/cni"
    conf_dir = "{run}/cni"
"""


def _network(run: Path) -> dict[str, Any]:
    addresses = {
        "type": "host-local",
        "dataDir": str(run / "addresses"),
        "ranges": [[{"subnet": POD_RANGE}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": False}
    return {"cniVersion": "0.4.0", "name": "node", "plugins": [bridge | {"ipam": addresses}]}


def _kubelet(layout: Layout, cgroup_root: str) -> dict[str, Any]:
    pki = layout.pki
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "address": NODE_IP,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": cgroup_root,
        "failSwapOn": False,
        "failCgroupV1": False,
        "containerRuntimeEndpoint": f"unix://{layout.containerd_socket}",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": False},
            "x509": {"clientCAFile": str(pki / "ca.crt")},
        },
        "authorization": {"mode": "AlwaysAllow"},
        "tlsCertFile": str(pki / "kubelet.crt"),
        "tlsPrivateKeyFile": str(pki / "kubelet.key"),
        "podLogsDir": str(layout.run / "pods"),
        "volumePluginDir": str(layout.run / "volumes"),
        "resolvConf": "",
        "clusterDNS": [NODE_IP],
        "clusterDomain": "cluster.local",
        "oomScoreAdj": 0,
        "readOnlyPort": 0,
        "maxPods": 60,
        "makeIPTablesUtilChains": False,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "nodeStatusUpdateFrequency": "2s",
    }


def _kube_proxy(layout: Layout) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "nftables",
        "clientConnection": {"kubeconfig": str(layout.pki / "proxy.kubeconfig")},
        "hostnameOverride": layout.name,
        "clusterCIDR": POD_RANGE,
        "conntrack": {"maxPerCore": 0, "min": 0},
        "oomScoreAdj": 0,
    }


def _dns(layout: Layout) -> str:
    return f""".:53 {{
  bind {NODE_IP}
  errors
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {layout.admin} node
  }}
}}
"""


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
