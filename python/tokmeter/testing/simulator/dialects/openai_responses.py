"""OpenAI's Responses API. Does no I/O."""

from __future__ import annotations

from typing import Any

from tokmeter.testing.simulator import words
from tokmeter.testing.simulator.reply import CREATED, Call, Reply, event, grouped


def responses(call: Call) -> Reply:
    """The reply to a POST of `/v1/responses`."""
    visible, cut = call.output_tokens("max_output_tokens")
    spoken = words.reply(visible)
    text = "".join(spoken)
    given = call.body.get("input", "")
    messages = given if isinstance(given, list) else [{"role": "user", "content": given}]
    instructions = call.body.get("instructions")
    if isinstance(instructions, str):
        messages = [{"role": "system", "content": instructions}, *messages]
    input_tokens = words.chat_input(messages, call.model)
    output_tokens = words.count(text, call.model) + call.behaviour.reasoning
    usage = {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": min(call.behaviour.cached, input_tokens)},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": call.behaviour.reasoning},
        "total_tokens": input_tokens + output_tokens,
    }
    status = "incomplete" if cut else "completed"
    item = f"msg_{call.number:08d}"

    def message(state: str, parts: list[dict[str, Any]]) -> dict[str, Any]:
        return {"id": item, "type": "message", "status": state, "role": "assistant", "content": parts}

    def part(content: str) -> dict[str, Any]:
        return {"type": "output_text", "text": content, "annotations": [], "logprobs": []}

    def response(state: str, output: list[dict[str, Any]], spent: dict[str, Any] | None) -> dict[str, Any]:
        return {
            "id": f"resp_{call.number:08d}",
            "object": "response",
            "created_at": CREATED,
            "status": state,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if state == "incomplete" else None,
            "instructions": instructions if isinstance(instructions, str) else None,
            "max_output_tokens": call.body.get("max_output_tokens"),
            "model": call.model,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "metadata": {},
            "usage": spent,
        }

    finished = response(status, [message(status, [part(text)])], None if call.behaviour.silent else usage)
    if not call.streamed:
        return Reply(body=finished, input_tokens=input_tokens, output_tokens=output_tokens)

    sequence = iter(range(10**9))

    def numbered(kind: str, **fields: object) -> bytes:
        return event(kind, {"type": kind, "sequence_number": next(sequence), **fields})

    begun = response("in_progress", [], None)
    place = {"item_id": item, "output_index": 0, "content_index": 0}
    return Reply(
        lead=[
            numbered("response.created", response=begun),
            numbered("response.in_progress", response=begun),
            numbered("response.output_item.added", output_index=0, item=message("in_progress", [])),
            numbered("response.content_part.added", **place, part=part("")),
        ],
        pieces=[
            numbered("response.output_text.delta", **place, delta=piece, logprobs=[])
            for piece in grouped(spoken, call.behaviour.chunks)
        ],
        tail=[
            numbered("response.output_text.done", **place, text=text, logprobs=[]),
            numbered("response.content_part.done", **place, part=part(text)),
            numbered("response.output_item.done", output_index=0, item=message(status, [part(text)])),
            numbered(f"response.{status}", response=finished),
        ],
        input_tokens=input_tokens,
        output_tokens=output_tokens,
    )
