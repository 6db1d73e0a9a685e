"""The version of the cluster, which decides what a sidecar may look like."""

import re

from tokmeter.inject import Cluster
from tokmeter.injector import limits
from tokmeter.injector.cluster.client import Api, ClusterError


class Version:
    """The version as last seen."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._cluster: Cluster | None = None
        self._asked_s = 0.0

    @property
    def cluster(self) -> Cluster:
        """Raises `LookupError` before the first look."""
        if self._cluster is None:
            raise LookupError("the version of the cluster is not known yet")
        return self._cluster

    @property
    def known(self) -> bool:
        """Whether there was a first look."""
        return self._cluster is not None

    def check(self, now_s: float) -> None:
        """Asks when it is time to, by the monotonic clock. Raises `ClusterError`."""
        if self._cluster is None or now_s - self._asked_s >= limits.VERSION_S:
            self._cluster = read_version(self._api.get("/version"))
            self._asked_s = now_s


def read_version(answer: object) -> Cluster:
    """The version in the answer of an API server: clouds write a minor version like ``34+``. Raises `ClusterError`."""
    if isinstance(answer, dict):
        major, minor = (re.match(r"\d{1,4}", str(answer.get(name, ""))) for name in ("major", "minor"))
        if major and minor:
            return Cluster((int(major[0]), int(minor[0])))
    raise ClusterError("the API server does not say its version", where="/version")
