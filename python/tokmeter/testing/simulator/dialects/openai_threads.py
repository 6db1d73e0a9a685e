"""OpenAI's assistants: threads, messages and runs that are polled; only a finished run states usage. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.dialects.openai_shape import error, plain_usage
from tokmeter.testing.simulator.reply import CREATED, Call, Counts, Reply

POLLS = ("in_progress", "completed")
"""What polls of a run find, the last for ever."""


def answer(call: Call) -> Reply:
    """The reply to a call of `/v1/assistants` or `/v1/threads`."""
    match call.method, call.route.strip("/").split("/")[1:]:
        case "POST", ["assistants"]:
            return Reply(body=_assistant(call))
        case "POST", ["threads"]:
            return Reply(body=_thread(call))
        case _, ["threads", name, "messages"]:
            return _messages(call, name)
        case "POST", ["threads", name, "runs"]:
            return _start(call, name)
        case "GET", ["threads", _, "runs", name]:
            return _poll(call, name)
    return error(404, f"Unknown request URL: {call.method} {call.route}.")


def _assistant(call: Call) -> dict[str, Any]:
    name = f"asst_{call.number:08d}"
    call.kept.setdefault("assistants", {})[name] = call.model
    return {"id": name, "object": "assistant", "created_at": CREATED, "model": call.model, "tools": [], "metadata": {}}


def _thread(call: Call) -> dict[str, Any]:
    name = f"thread_{call.number:08d}"
    given = call.body.get("messages")
    said = _said(call, name)
    said.extend(_message(call, name, message) for message in (given if isinstance(given, list) else []))
    return {"id": name, "object": "thread", "created_at": CREATED, "metadata": {}, "tool_resources": {}}


def _said(call: Call, name: str) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = call.kept.setdefault("threads", {}).setdefault(name, [])
    return said


def _message(call: Call, thread: str, given: dict[str, Any]) -> dict[str, Any]:
    text = {"value": words.text_of(given.get("content", "")), "annotations": []}
    return {
        "id": f"msg_{call.number:08d}",
        "object": "thread.message",
        "created_at": CREATED,
        "thread_id": thread,
        "role": given.get("role", "user"),
        "content": [{"type": "text", "text": text}],
        "attachments": [],
        "metadata": {},
    }


def _messages(call: Call, name: str) -> Reply:
    """All of a thread, the newest first; or one more."""
    if call.method == "GET":
        return Reply(body={"object": "list", "data": _said(call, name)[::-1], "has_more": False})
    message = _message(call, name, call.body)
    _said(call, name).append(message)
    return Reply(body=message)


def _start(call: Call, thread: str) -> Reply:
    model = call.model or call.kept.get("assistants", {}).get(call.body.get("assistant_id"), "gpt-4o")
    said = _said(call, thread)
    spoken = "".join(words.reply(call.output_tokens("max_completion_tokens")[0]))
    prompt = sum(words.count(message["content"][0]["text"]["value"], model) for message in said)
    counts = Counts.of(call, prompt, words.count(spoken, model))
    run: dict[str, Any] = {
        "id": f"run_{call.number:08d}",
        "object": "thread.run",
        "created_at": CREATED,
        "thread_id": thread,
        "assistant_id": call.body.get("assistant_id"),
        "status": "queued",
        "model": model,
        "instructions": "",
        "tools": [],
        "metadata": {},
        "usage": None,
    }
    answered = _message(call, thread, {"role": "assistant", "content": spoken})
    call.kept.setdefault("runs", {})[run["id"]] = {"run": run, "polls": 0, "counts": counts, "answer": answered}
    return Reply(body=run)


def _poll(call: Call, name: str) -> Reply:
    kept = call.kept.get("runs", {}).get(name)
    if kept is None:
        return error(404, f"No run found with id '{name}'.")
    status = POLLS[min(kept["polls"], len(POLLS) - 1)]
    kept["polls"] += 1
    if status != "completed":
        return Reply(body={**kept["run"], "status": status})
    counts: Counts = kept["counts"]
    if kept["polls"] == len(POLLS):
        _said(call, kept["run"]["thread_id"]).append(kept["answer"])
    stated = None if call.behaviour.silent else plain_usage(counts)
    body = {**kept["run"], "status": status, "completed_at": CREATED, "usage": stated}
    return Reply(body=body).spending(counts)
