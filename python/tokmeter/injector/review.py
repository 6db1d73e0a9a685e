"""AdmissionReview v1: bytes in, a request out; what was decided in, bytes out. Pure, and knows no rule about pods.

A pod is read into its types at once, which takes a third of what mappings would. Whatever does not fit is read again as it
is written: that tells a review that is none from a pod that is none.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tokmeter.inject import Pod
from tokmeter.injector.limits import WARNING_CHARS_MAX, WARNINGS_MAX

VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"


class MalformedReviewError(Exception):
    """No review that could be answered: whoever sent it is told what is wrong."""


class _Kind(msgspec.Struct):
    group: str = ""
    version: str = ""
    kind: str = ""


class _Request[T](msgspec.Struct, rename="camel"):
    uid: str
    operation: str
    kind: _Kind = msgspec.field(default_factory=_Kind)
    sub_resource: str = ""
    namespace: str = ""
    object: T | None = None
    dry_run: bool | None = None


class _Review[T](msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    request: _Request[T]


class _Named(msgspec.Struct):
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What the API server asks."""

    uid: str
    namespace: str
    dry_run: bool
    """Nothing may come of it but the answer."""
    pod: Pod | Mapping[str, Any] | None
    """The pod to be created, as it is written where it is none; None when anything else is asked about, which is allowed
    as it is."""
    body: bytes = b""

    def metadata(self) -> Mapping[str, Any]:
        """Those of the pod, whatever they hold: read when somebody is to be told of it."""
        if isinstance(self.pod, Mapping):
            found = self.pod.get("metadata")
            return found if isinstance(found, dict) else {}
        try:
            named = _NAMED.decode(self.body).request.object
        except (msgspec.MsgspecError, RecursionError):
            return {}
        return (named and named.metadata) or {}


_TYPED = msgspec.json.Decoder(_Review[Pod])
_WRITTEN = msgspec.json.Decoder(_Review[dict[str, Any]])
_NAMED = msgspec.json.Decoder(_Review[_Named])
_ENCODER = msgspec.json.Encoder()


def read(body: bytes) -> Request:
    """The request in `body`. Raises `MalformedReviewError` with one sentence."""
    review = _typed(body) or _written(body)
    if review.kind != KIND or review.api_version != VERSION:
        raise MalformedReviewError(f"the body is not an AdmissionReview of {VERSION}")
    request = review.request
    if not request.uid:
        raise MalformedReviewError("request.uid is empty")
    return Request(request.uid, request.namespace, request.dry_run is True, _pod(request), body)


def allow(
    uid: str,
    *,
    patch: Sequence[Mapping[str, object]] = (),
    warnings: Sequence[str] = (),
    annotations: Mapping[str, str] | None = None,
) -> bytes:
    """The answer that admits, with `patch` applied. `annotations` go to the API server's audit log."""
    response: dict[str, object] = {"uid": uid, "allowed": True}
    if patch:
        response["patchType"] = "JSONPatch"
        response["patch"] = base64.b64encode(_ENCODER.encode(patch)).decode("ascii")
    if warnings:
        response["warnings"] = [_line(warning) for warning in warnings[:WARNINGS_MAX]]
    if annotations:
        response["auditAnnotations"] = dict(annotations)
    return _ENCODER.encode({"apiVersion": VERSION, "kind": KIND, "response": response})


def _typed(body: bytes) -> _Review[Pod] | None:
    try:
        review = _TYPED.decode(body)
        # What is left unread is not looked at for this either.
        if not body.isascii():
            body.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return review


def _written(body: bytes) -> _Review[dict[str, Any]]:
    try:
        return _WRITTEN.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedReviewError(f"the body is not an AdmissionReview: {_reason(error)}") from None


def _pod(request: _Request[Pod] | _Request[dict[str, Any]]) -> Pod | dict[str, Any] | None:
    kind = (request.kind.group, request.kind.version, request.kind.kind)
    if request.operation != "CREATE" or kind != ("", "v1", "Pod") or request.sub_resource:
        return None
    if request.object is None:
        raise MalformedReviewError("request.object is not a pod")
    return request.object


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    # What msgspec says names types and places, never values, apart from the names of keys.
    return _line(str(error)).rstrip(".")


def _line(text: str) -> str:
    """One line of printable text: warnings become a header, where anything else makes the API server drop them."""
    printable = "".join(letter if letter.isprintable() else " " for letter in text[: 2 * WARNING_CHARS_MAX])
    return printable if len(printable) <= WARNING_CHARS_MAX else f"{printable[: WARNING_CHARS_MAX - 3]}..."
