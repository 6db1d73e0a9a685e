"""AdmissionReview v1: bytes in, a request out; what was decided in, bytes out. Pure, and knows no rule about pods."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tokmeter.injector.limits import WARNING_CHARS_MAX, WARNINGS_MAX

VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"


class MalformedReviewError(Exception):
    """No review that could be answered: whoever sent it is told what is wrong."""


class _Kind(msgspec.Struct):
    group: str = ""
    version: str = ""
    kind: str = ""


class _Request(msgspec.Struct, rename="camel"):
    uid: str
    operation: str
    kind: _Kind = msgspec.field(default_factory=_Kind)
    sub_resource: str = ""
    namespace: str = ""
    object: dict[str, Any] | None = None
    dry_run: bool | None = None


class _Review(msgspec.Struct, rename="camel"):
    api_version: str
    kind: str
    request: _Request


@dataclass(frozen=True, slots=True)
class Request:
    """What the API server asks."""

    uid: str
    namespace: str
    dry_run: bool
    """Nothing may come of it but the answer."""
    pod: Mapping[str, Any] | None
    """The pod to be created; None when anything else is asked about, which is allowed as it is."""


_REVIEW = msgspec.json.Decoder(_Review)
_ENCODER = msgspec.json.Encoder()


def read(body: bytes) -> Request:
    """The request in `body`. Raises `MalformedReviewError` with one sentence."""
    try:
        review = _REVIEW.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedReviewError(f"the body is not an AdmissionReview: {_reason(error)}") from None
    if review.kind != KIND or review.api_version != VERSION:
        raise MalformedReviewError(f"the body is not an AdmissionReview of {VERSION}")
    request = review.request
    if not request.uid:
        raise MalformedReviewError("request.uid is empty")
    return Request(request.uid, request.namespace, request.dry_run is True, _pod(request))


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


def _pod(request: _Request) -> Mapping[str, Any] | None:
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
