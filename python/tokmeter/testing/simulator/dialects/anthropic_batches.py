"""Anthropic's message batches: create, poll, results as JSON lines with a usage in each. Does no I/O."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokmeter.testing.simulator.reply import CREATED_AT, Call, Reply, lines

type Messages = Callable[[Call], Reply]
type Refusal = Callable[[int, str], Reply]


def answer(call: Call, messages: Messages, refusal: Refusal) -> Reply:
    """The reply to a call of `/v1/messages/batches`; each request of a batch is answered by `messages`."""
    match call.method, call.route.strip("/").split("/")[3:]:
        case "POST", []:
            return _create(call, messages)
        case "GET", [name]:
            return _poll(call, name, refusal)
        case "GET", [name, "results"]:
            kept = _batches(call).get(name)
            if kept is None:
                return refusal(404, f"Not found: {name}")
            content, spent, made = kept["results"]
            return Reply(content=content, media="application/x-jsonl", input_tokens=spent, output_tokens=made)
    return refusal(404, f"Not found: {call.method} {call.route}")


def _batches(call: Call) -> dict[str, Any]:
    batches: dict[str, Any] = call.kept.setdefault("message_batches", {})
    return batches


def _create(call: Call, messages: Messages) -> Reply:
    given = call.body.get("requests")
    requests: list[dict[str, Any]] = given if isinstance(given, list) else []
    replies = [
        messages(Call(call.number, "POST", "/v1/messages", call.headers, wanted["params"], call.behaviour))
        for wanted in requests
    ]
    results = [
        {"custom_id": wanted["custom_id"], "result": {"type": "succeeded", "message": _billed(reply)}}
        for wanted, reply in zip(requests, replies, strict=True)
    ]
    spent, made = sum(reply.input_tokens for reply in replies), sum(reply.output_tokens for reply in replies)
    name = f"msgbatch_{call.number:08d}"
    batch = _batch(name, "in_progress", processing=len(requests))
    where = f"https://{call.headers.get('host', 'api.anthropic.com')}/v1/messages/batches/{name}/results"
    ended = _batch(name, "ended", succeeded=len(requests), results_url=where)
    _batches(call)[name] = {"polls": [batch, ended], "results": (lines(results), spent, made)}
    return Reply(body=batch)


def _poll(call: Call, name: str, refusal: Refusal) -> Reply:
    """Under way at the first poll, ended from then on."""
    kept = _batches(call).get(name)
    if kept is None:
        return refusal(404, f"Not found: {name}")
    polls = kept["polls"]
    return Reply(body=polls.pop(0) if len(polls) > 1 else polls[0])


def _billed(reply: Reply) -> dict[str, Any]:
    """The message, with the tier it is billed at."""
    message = dict(reply.body or {})
    if "usage" in message:
        message["usage"] = {**message["usage"], "service_tier": "batch"}
    return message


def _batch(
    name: str, status: str, *, processing: int = 0, succeeded: int = 0, results_url: str | None = None
) -> dict[str, Any]:
    return {
        "id": name,
        "type": "message_batch",
        "processing_status": status,
        "request_counts": {
            "processing": processing,
            "succeeded": succeeded,
            "errored": 0,
            "canceled": 0,
            "expired": 0,
        },
        "created_at": CREATED_AT,
        "expires_at": CREATED_AT,
        "ended_at": CREATED_AT if status == "ended" else None,
        "archived_at": None,
        "cancel_initiated_at": None,
        "results_url": results_url,
    }
