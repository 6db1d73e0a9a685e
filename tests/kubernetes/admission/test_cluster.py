"""What is read from a cluster and written to it, with the real client over real HTTP."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest
from tests.kubernetes.admission.endpoints import PATIENCE_S, Endpoints, kubeconfig
from tests.kubernetes.admission.injected import ENABLED, api_server, cluster, injector, pod

from tokmeter.errors import TokmeterError
from tokmeter.inject import Cluster
from tokmeter.injector import Running, limits
from tokmeter.injector.cluster.client import ClusterError, connect
from tokmeter.injector.cluster.namespaces import Namespaces
from tokmeter.injector.cluster.permissions import PERMISSIONS
from tokmeter.injector.cluster.version import Version, read_version


class Followed:
    """A store that follows a cluster."""

    def __init__(self, address: str, folder: Path) -> None:
        self.unknown = 0
        self.failures: list[TokmeterError] = []
        self.store = Namespaces(
            connect(kubeconfig(address, folder / "kubeconfig")), unknown=self._unknown, failed=self.failures.append
        )

    def _unknown(self) -> None:
        self.unknown += 1

    def until(self, name: str, label: str | None) -> None:
        """Until the store has what the cluster has."""
        pause = threading.Event()
        for _ in range(int(PATIENCE_S / 0.01)):
            if self.store.get(name).labels.get("tokmeter.io/inject") == label:
                return
            pause.wait(0.01)
        raise AssertionError(self.store.get(name))


def test_everything_it_does_is_in_its_role_and_the_other_way_round(
    endpoints: Endpoints, started: Running, tmp_path: Path
) -> None:
    with closing(api_server(endpoints, started)) as server:
        server.create(pod(hostNetwork=True), "shop")
        endpoints.wait(lambda: bool(endpoints.events))
    # An update of the Secret comes with the next authority, a look at one namespace with one that is not known yet.
    data = endpoints.secrets["tokmeter-system", "tokmeter-injector-ca"]["data"]
    data.clear()
    assert started.upkeep.check()
    with endpoints.serving() as address:
        Followed(address, tmp_path).store.get("shop")

    allowed = {(verb, each.resource) for each in PERMISSIONS for verb in each.verbs}
    endpoints.wait(lambda: ("watch", "namespaces") in endpoints.asked)
    assert endpoints.asked == allowed


def test_a_namespace_is_followed_as_it_is_made_labelled_and_deleted(endpoints: Endpoints, tmp_path: Path) -> None:
    with endpoints.serving() as address:
        followed = Followed(address, tmp_path)
        followed.store.start()
        assert followed.store.synced.wait(PATIENCE_S)
        endpoints.namespace("later")
        followed.until("later", None)
        endpoints.namespace("later", ENABLED)
        followed.until("later", "enabled")
        endpoints.compact()
        endpoints.namespace("later", {"tokmeter.io/inject": "disabled"})
        followed.until("later", "disabled")
        endpoints.delete_namespace("later")
        followed.until("later", None)
        followed.store.stop()

    assert followed.failures == []
    assert followed.store.age_s is not None
    assert followed.store.age_s < PATIENCE_S


def test_a_namespace_is_asked_for_before_the_watch_tells_of_it(endpoints: Endpoints, tmp_path: Path) -> None:
    with endpoints.serving() as address:
        followed = Followed(address, tmp_path)

        assert followed.store.get("shop").labels["tokmeter.io/inject"] == "enabled"
        assert followed.store.get("../secrets").labels == {}
        assert followed.store.get("").labels == {}

    assert followed.unknown == 2


def test_a_cluster_that_cannot_answer_is_tried_again_and_told_of(
    endpoints: Endpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "RETRY_MIN_S", 0.01)
    endpoints.refuse = lambda _method, path: 403 if path == "/api/v1/namespaces" else None
    with endpoints.serving() as address:
        followed = Followed(address, tmp_path)
        followed.store.start()
        pause = threading.Event()
        while len(followed.failures) < 2:
            pause.wait(0.01)
        endpoints.refuse = lambda _method, _path: None
        assert followed.store.synced.wait(PATIENCE_S)
        followed.store.stop()

    assert isinstance(followed.failures[0], ClusterError)
    assert followed.failures[0].status == 403
    assert "roles" in str(followed.failures[0].hint)


def test_events_that_cannot_be_written_are_counted(endpoints: Endpoints, tmp_path: Path) -> None:
    endpoints.refuse = lambda _method, path: 403 if path.endswith("/events") else None
    with injector(endpoints, tmp_path) as started, closing(api_server(endpoints, started)) as server:
        server.create(pod(hostNetwork=True), "shop")
        pause = threading.Event()
        while not started.tally.counted("injector_events_dropped", "failed"):
            pause.wait(0.01)


def test_the_version_decides_about_the_sidecar(tmp_path: Path) -> None:
    for minor, native in (("28", False), ("34+", True)):
        endpoints = cluster(minor)
        with injector(endpoints, tmp_path) as started, closing(api_server(endpoints, started)) as server:
            spec = server.create(pod(), "shop").pod["spec"]
            assert ("tokmeter" in [each["name"] for each in spec.get("initContainers", ())]) is native


@pytest.mark.parametrize("answer", [None, [], {}, {"major": "1", "minor": "x"}])
def test_a_version_that_is_none_is_said(answer: object) -> None:
    with pytest.raises(ClusterError, match="does not say its version"):
        read_version(answer)


def test_the_version_is_asked_for_again_after_a_while(endpoints: Endpoints, tmp_path: Path) -> None:
    with endpoints.serving() as address:
        version = Version(connect(kubeconfig(address, tmp_path / "kubeconfig")))
        assert not version.known
        version.check(0.0)
        endpoints.minor = "35"
        version.check(limits.VERSION_S - 1)
        assert version.cluster == Cluster((1, 34))
        version.check(limits.VERSION_S)
        assert version.cluster == Cluster((1, 35))


def test_a_cluster_that_is_not_there_is_said(tmp_path: Path) -> None:
    api = connect(kubeconfig("http://127.0.0.1:9", tmp_path / "kubeconfig"))
    with pytest.raises(ClusterError, match="cannot be reached") as error:
        api.get("/version")

    assert error.value.where == "http://127.0.0.1:9"


def test_a_kubeconfig_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").write_text("nonsense")

    with pytest.raises(ClusterError, match="the kubeconfig cannot be used"):
        connect(tmp_path / "kubeconfig")
    with pytest.raises(ClusterError, match="not a pod of a cluster"):
        connect(None)
