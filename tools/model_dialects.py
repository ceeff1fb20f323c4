"""Turns of a scripted model, spoken as OpenAI chat completions or Anthropic messages. Pure functions: turn in, bytes out.

A turn is a JSON object; every key is optional:
  "thinking":   "..." or ["...", ...]            reasoning, one delta per piece
  "text":       "..." or ["...", ...]            the answer, one delta per piece
  "tool_calls": [{"name", "arguments": {...} or "raw text", "id", "pieces": 2}]
  "usage":      {"input": 10, "output": 5, "cached": 0}
  "finish":     stop reason in OpenAI terms ("stop", "length", "tool_calls"); default: what fits
The word ${TOOL_RESULT} in a text piece becomes the content of the last tool result of the request.
"""

import json

_ANTHROPIC_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_ERROR_TYPES = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error",
                404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 500: "api_error",
                529: "overloaded_error"}


def _pieces(value):
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _plain(content):
    """The text of a message's content in either dialect."""
    if isinstance(content, str):
        return content
    return "".join(_plain(part.get("text", part.get("content", ""))) for part in content or [])


def last_tool_result(request):
    """The text of the last tool result in the request, or an empty string."""
    for message in reversed(request.get("messages", [])):
        if message.get("role") == "tool":
            return _plain(message.get("content"))
        if isinstance(message.get("content"), list):
            for part in reversed(message["content"]):
                if part.get("type") == "tool_result":
                    return _plain(part.get("content"))
    return ""


def _texts(turn, request):
    return [piece.replace("${TOOL_RESULT}", last_tool_result(request)) for piece in _pieces(turn.get("text"))]


def _calls(turn, number):
    """(id, name, argument text, pieces of it) of each tool call."""
    calls = []
    for index, call in enumerate(turn.get("tool_calls", [])):
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else _compact(arguments)
        size = max(1, -(-len(text) // max(1, call.get("pieces", 2))))
        parts = [text[at:at + size] for at in range(0, len(text), size)] or [""]
        calls.append((call.get("id", f"call_{number}_{index}"), call["name"], text, parts))
    return calls


def _finish(turn):
    return turn.get("finish", "tool_calls" if turn.get("tool_calls") else "stop")


class OpenAi:
    """Chat completions."""

    path = "/v1/chat/completions"

    @staticmethod
    def usage(turn):
        usage = turn.get("usage", {})
        given, made = usage.get("input", 0), usage.get("output", 0)
        return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made,
                "prompt_tokens_details": {"cached_tokens": usage.get("cached", 0)}}

    @staticmethod
    def _frame(data):
        return b"data: " + (data if isinstance(data, str) else _compact(data)).encode() + b"\n\n"

    @classmethod
    def stream(cls, turn, request, number):
        """The server-sent events of a turn, one bytes object each."""
        head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 0,
                "model": request.get("model", "")}

        def chunk(delta, finish=None):
            return cls._frame({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

        events = [chunk({"role": "assistant", "content": ""})]
        events += [chunk({"reasoning_content": piece}) for piece in _pieces(turn.get("thinking"))]
        events += [chunk({"content": piece}) for piece in _texts(turn, request)]
        for index, (call_id, name, _, parts) in enumerate(_calls(turn, number)):
            start = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
            events.append(chunk({"tool_calls": [start]}))
            events += [chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]}) for part in parts]
        events.append(chunk({}, _finish(turn)))
        if (request.get("stream_options") or {}).get("include_usage"):
            events.append(cls._frame({**head, "choices": [], "usage": cls.usage(turn)}))
        return events + [cls._frame("[DONE]")]

    @classmethod
    def whole(cls, turn, request, number):
        message = {"role": "assistant", "content": "".join(_texts(turn, request)) or None}
        if turn.get("thinking"):
            message["reasoning_content"] = "".join(_pieces(turn["thinking"]))
        calls = [{"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}
                 for call_id, name, text, _ in _calls(turn, number)]
        if calls:
            message["tool_calls"] = calls
        return {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 0,
                "model": request.get("model", ""), "usage": cls.usage(turn),
                "choices": [{"index": 0, "message": message, "finish_reason": _finish(turn)}]}

    @staticmethod
    def error(status, message, kind=None):
        return {"error": {"message": message, "type": kind or _ERROR_TYPES.get(status, "api_error"), "param": None,
                          "code": None}}

    @classmethod
    def error_event(cls, status, message, kind=None):
        return cls._frame(cls.error(status, message, kind))

    @staticmethod
    def models(names):
        return {"object": "list", "data": [{"id": name, "object": "model", "created": 0, "owned_by": "scripted"}
                                           for name in names]}


class Anthropic:
    """Messages."""

    path = "/v1/messages"

    @staticmethod
    def usage(turn):
        usage = turn.get("usage", {})
        return {"input_tokens": usage.get("input", 0), "cache_read_input_tokens": usage.get("cached", 0),
                "cache_creation_input_tokens": 0, "output_tokens": usage.get("output", 0)}

    @staticmethod
    def _frame(event):
        return f"event: {event['type']}\ndata: {_compact(event)}\n\n".encode()

    @staticmethod
    def _blocks(turn, request, number):
        """(block as it starts, its deltas) in order."""
        thinking, texts = _pieces(turn.get("thinking")), _texts(turn, request)
        if thinking:
            deltas = [{"type": "thinking_delta", "thinking": piece} for piece in thinking]
            deltas.append({"type": "signature_delta", "signature": "c2NyaXB0ZWQ="})
            yield {"type": "thinking", "thinking": "", "signature": ""}, deltas
        if texts:
            yield {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in texts]
        for call_id, name, _, parts in _calls(turn, number):
            yield ({"type": "tool_use", "id": call_id, "name": name, "input": {}},
                   [{"type": "input_json_delta", "partial_json": part} for part in parts])

    @classmethod
    def _message(cls, turn, request, number):
        return {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": request.get("model", ""),
                "content": [], "stop_reason": None, "stop_sequence": None,
                "usage": {**cls.usage(turn), "output_tokens": 0}}

    @classmethod
    def stream(cls, turn, request, number):
        """The server-sent events of a turn, one bytes object each."""
        events = [cls._frame({"type": "message_start", "message": cls._message(turn, request, number)}),
                  cls._frame({"type": "ping"})]
        for index, (start, deltas) in enumerate(cls._blocks(turn, request, number)):
            events.append(cls._frame({"type": "content_block_start", "index": index, "content_block": start}))
            events += [cls._frame({"type": "content_block_delta", "index": index, "delta": delta}) for delta in deltas]
            events.append(cls._frame({"type": "content_block_stop", "index": index}))
        stop = {"stop_reason": _ANTHROPIC_STOP.get(_finish(turn), _finish(turn)), "stop_sequence": None}
        events.append(cls._frame({"type": "message_delta", "delta": stop,
                                  "usage": {"output_tokens": turn.get("usage", {}).get("output", 0)}}))
        return events + [cls._frame({"type": "message_stop"})]

    @classmethod
    def whole(cls, turn, request, number):
        content = []
        if turn.get("thinking"):
            content.append({"type": "thinking", "thinking": "".join(_pieces(turn["thinking"])),
                            "signature": "c2NyaXB0ZWQ="})
        text = "".join(_texts(turn, request))
        if text:
            content.append({"type": "text", "text": text})
        content += [{"type": "tool_use", "id": call_id, "name": name, "input": json.loads(text or "{}")}
                    for call_id, name, text, _ in _calls(turn, number)]
        return {**cls._message(turn, request, number), "content": content, "usage": cls.usage(turn),
                "stop_reason": _ANTHROPIC_STOP.get(_finish(turn), _finish(turn))}

    @staticmethod
    def error(status, message, kind=None):
        return {"type": "error", "error": {"type": kind or _ERROR_TYPES.get(status, "api_error"), "message": message}}

    @classmethod
    def error_event(cls, status, message, kind=None):
        return cls._frame(cls.error(status, message, kind))

    @staticmethod
    def models(names):
        return {"data": [{"type": "model", "id": name, "display_name": name, "created_at": "2024-01-01T00:00:00Z"}
                         for name in names],
                "has_more": False, "first_id": names[0] if names else None, "last_id": names[-1] if names else None}


DIALECTS = {dialect.path: dialect for dialect in (OpenAi, Anthropic)}
