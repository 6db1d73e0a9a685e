"""OpenAI's files and batches: upload, create, poll, download of JSON lines with a usage in each. Does no I/O."""

from __future__ import annotations

import json
from typing import Any

from tokmeter.testing.simulator.dialects.openai_shape import Flavour, error
from tokmeter.testing.simulator.reply import CREATED, Call, Reply, lines

UNDER_WAY = ("validating", "in_progress")
"""What is answered at creation, and to the first poll."""


def answer(call: Call, flavour: Flavour) -> Reply:
    """The reply to a call of `/v1/files` or `/v1/batches`; each request of a batch is answered by `flavour`."""
    match call.method, call.route.strip("/").split("/")[1:]:
        case "POST", ["files"]:
            return _upload(call)
        case "GET", ["files", name]:
            return _found(call, "files", name)
        case "GET", ["files", name, "content"]:
            return _download(call, name)
        case "POST", ["batches"]:
            return _create(call, flavour)
        case "GET", ["batches", name]:
            return _poll(call, name)
    return error(404, f"Unknown request URL: {call.method} {call.route}.")


def _shelf(call: Call, kind: str) -> dict[str, Any]:
    shelf: dict[str, Any] = call.kept.setdefault(kind, {})
    return shelf


def _found(call: Call, kind: str, name: str) -> Reply:
    value = _shelf(call, kind).get(name)
    return error(404, f"No such {kind} object: {name}") if value is None else Reply(body=value["object"])


def _upload(call: Call) -> Reply:
    file = call.body.get("file")
    if not isinstance(file, dict):
        return error(400, "'file' is a required property")
    content: bytes = file["content"]
    return Reply(body=_keep(call, f"file-{call.number:08d}", file["filename"], call.body.get("purpose"), content))


def _keep(
    call: Call, name: str, filename: object, purpose: object, content: bytes, tokens: tuple[int, int] = (0, 0)
) -> dict[str, Any]:
    made = {
        "id": name,
        "object": "file",
        "bytes": len(content),
        "created_at": CREATED,
        "filename": filename,
        "purpose": purpose,
        "status": "processed",
    }
    _shelf(call, "files")[name] = {"object": made, "content": content, "tokens": tokens}
    return made


def _download(call: Call, name: str) -> Reply:
    kept = _shelf(call, "files").get(name)
    if kept is None:
        return error(404, f"No such File object: {name}")
    spent, made = kept["tokens"]
    return Reply(content=kept["content"], media="application/octet-stream", input_tokens=spent, output_tokens=made)


def _create(call: Call, flavour: Flavour) -> Reply:
    given = _shelf(call, "files").get(str(call.body.get("input_file_id")))
    if given is None:
        return error(400, "input_file_id is not a file")
    requests = [json.loads(text) for text in given["content"].splitlines() if text.strip()]
    replies = [
        flavour.answer(Call(call.number, "POST", wanted["url"], call.headers, wanted["body"], call.behaviour))
        for wanted in requests
    ]
    results = [
        {
            "id": f"batch_req_{index:08d}",
            "custom_id": wanted.get("custom_id"),
            "response": {"status_code": reply.status, "request_id": f"req_{index:08d}", "body": reply.body},
            "error": None,
        }
        for index, (wanted, reply) in enumerate(zip(requests, replies, strict=True))
    ]
    spent = (sum(reply.input_tokens for reply in replies), sum(reply.output_tokens for reply in replies))
    name = f"batch_{call.number:08d}"
    output = f"file-output-{call.number:08d}"
    _keep(call, output, f"{name}_output.jsonl", "batch_output", lines(results), spent)
    made = {
        "id": name,
        "object": "batch",
        "endpoint": call.body.get("endpoint"),
        "input_file_id": call.body.get("input_file_id"),
        "completion_window": call.body.get("completion_window"),
        "status": UNDER_WAY[0],
        "output_file_id": None,
        "created_at": CREATED,
        "request_counts": {"total": len(requests), "completed": 0, "failed": 0},
    }
    usage = {
        "input_tokens": spent[0],
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": spent[1],
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": sum(spent),
    }
    finished = {
        **made,
        "status": "completed",
        "output_file_id": output,
        "completed_at": CREATED,
        "request_counts": {"total": len(requests), "completed": len(requests), "failed": 0},
        "usage": usage,
    }
    _shelf(call, "batches")[name] = {"object": {**made, "status": UNDER_WAY[1]}, "finished": finished}
    return Reply(body=made)


def _poll(call: Call, name: str) -> Reply:
    """Under way at the first poll, completed from then on."""
    reply = _found(call, "batches", name)
    if reply.status == 200:
        kept = _shelf(call, "batches")[name]
        kept["object"] = kept["finished"]
    return reply
