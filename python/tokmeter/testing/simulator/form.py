"""The body of a request as one object: JSON, or the fields of an uploaded form. Knows no provider."""

from __future__ import annotations

import email.parser
import email.policy
import json
from typing import Any


def body_object(body: bytes, content_type: str) -> dict[str, Any]:
    """The object in a body; raises `ValueError` for JSON that is none. Bytes of another kind hold no fields."""
    if not body:
        return {}
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return _form(body, content_type)
    if kind.startswith(("audio/", "image/", "application/octet-stream")):
        return {}
    value = json.loads(body)
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - one kind of error for bad input
    return value


def _form(body: bytes, content_type: str) -> dict[str, Any]:
    """Fields by name: text, or for a file its name and content."""
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(f"content-type: {content_type}\r\n\r\n".encode("latin-1") + body)
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            filename = part.get_filename()
            fields[name] = (
                content.decode("utf-8", "replace") if filename is None else {"filename": filename, "content": content}
            )
    return fields
