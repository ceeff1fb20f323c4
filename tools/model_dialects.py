"""Turns of a scripted model, spoken in the dialects of providers. Pure functions: turn in, bytes out.

A turn is a JSON object; every key is optional:
  "thinking":   "..." or ["...", ...]            reasoning, one delta per piece
  "text":       "..." or ["...", ...]            the answer, one delta per piece
  "tool_calls": [{"name", "arguments": {...} or "raw text", "id", "pieces": 2}]
  "usage":      {"input": 10, "output": 5, "cached": 0}
  "finish":     stop reason in OpenAI terms ("stop", "length", "tool_calls"); default: what fits
The word ${TOOL_RESULT} in a text piece becomes the content of the last tool result of the request.
"""

import binascii
import json
import re
import struct

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
    """The text of a message's content in any dialect."""
    if isinstance(content, str):
        return content
    return "".join(_plain(part.get("text", part.get("content", ""))) for part in content or [])


def last_tool_result(request):
    """The text of the last tool result in the request, or an empty string."""
    for item in reversed(request.get("input") if isinstance(request.get("input"), list) else []):
        if item.get("type") == "function_call_output":
            return _plain(item.get("output"))
    for content in reversed(request.get("contents", [])):
        for part in reversed(content.get("parts", [])):
            if "functionResponse" in part:
                return "".join(map(str, part["functionResponse"].get("response", {}).values()))
    for message in reversed(request.get("messages", [])):
        if message.get("role") == "tool":
            return _plain(message.get("content"))
        if isinstance(message.get("content"), list):
            for part in reversed(message["content"]):
                if part.get("type") == "tool_result":
                    return _plain(part.get("content"))
                if "toolResult" in part:
                    return _plain(part["toolResult"].get("content"))
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


class _Dialect:
    """What a dialect says of itself unless it says otherwise."""

    stream_type = "text/event-stream"

    @classmethod
    def takes(cls, path):
        return path == cls.path

    @staticmethod
    def said(path):
        """What the path says that other dialects have in the request."""
        return {}

    @staticmethod
    def streams(request):
        return bool(request.get("stream"))


class OpenAi(_Dialect):
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


class Anthropic(_Dialect):
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


class Responses(_Dialect):
    """OpenAI Responses."""

    path = "/v1/responses"
    error = OpenAi.error
    models = OpenAi.models

    @staticmethod
    def _frame(event, sequence=0):
        return f"event: {event['type']}\ndata: {_compact({**event, 'sequence_number': sequence})}\n\n".encode()

    @staticmethod
    def usage(turn):
        usage = turn.get("usage", {})
        given, made = usage.get("input", 0), usage.get("output", 0)
        return {"input_tokens": given, "input_tokens_details": {"cached_tokens": usage.get("cached", 0)},
                "output_tokens": made, "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": given + made}

    @staticmethod
    def _items(turn, request, number):
        """(item as it ends, the pieces of its text) in order."""
        thinking, texts = _pieces(turn.get("thinking")), _texts(turn, request)
        if thinking:
            yield {"type": "reasoning", "id": f"rs_{number}", "encrypted_content": "c2NyaXB0ZWQ=",
                   "summary": [{"type": "summary_text", "text": "".join(thinking)}]}, thinking
        if texts:
            part = {"type": "output_text", "text": "".join(texts), "annotations": []}
            yield {"type": "message", "id": f"msg_{number}", "status": "completed", "role": "assistant",
                   "content": [part]}, texts
        for index, (call_id, name, text, parts) in enumerate(_calls(turn, number)):
            yield {"type": "function_call", "id": f"fc_{number}_{index}", "status": "completed", "call_id": call_id,
                   "name": name, "arguments": text}, parts

    @classmethod
    def whole(cls, turn, request, number):
        cut = _finish(turn) == "length"
        return {"id": f"resp_{number}", "object": "response", "created_at": 0, "model": request.get("model", ""),
                "status": "incomplete" if cut else "completed", "error": None,
                "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
                "output": [item for item, _ in cls._items(turn, request, number)], "usage": cls.usage(turn)}

    @classmethod
    def stream(cls, turn, request, number):
        """The server-sent events of a turn, one bytes object each."""
        whole = cls.whole(turn, request, number)
        head = {**whole, "status": "in_progress", "output": [], "usage": None}
        events = [{"type": "response.created", "response": head}, {"type": "response.in_progress", "response": head}]
        kinds = {"reasoning": ("reasoning_summary_text", {"summary_index": 0}, {"summary": []}),
                 "message": ("output_text", {"content_index": 0}, {"content": []}),
                 "function_call": ("function_call_arguments", {}, {"arguments": ""})}
        for index, (item, pieces) in enumerate(cls._items(turn, request, number)):
            kind, place, empty = kinds[item["type"]]
            place = {"item_id": item["id"], "output_index": index, **place}
            events.append({"type": "response.output_item.added", "output_index": index, "item": {**item, **empty}})
            events += [{"type": f"response.{kind}.delta", **place, "delta": piece} for piece in pieces]
            events.append({"type": "response.output_item.done", "output_index": index, "item": item})
        events.append({"type": f"response.{whole['status']}", "response": whole})
        return [cls._frame(event, sequence) for sequence, event in enumerate(events)]

    @classmethod
    def error_event(cls, status, message, kind=None):
        return cls._frame({"type": "error", "code": kind or _ERROR_TYPES.get(status, "api_error"), "message": message,
                           "param": None})


class Gemini(_Dialect):
    """generateContent and streamGenerateContent. The model is in the path, and so is whether it streams."""

    path = "/v1beta/models"
    _GENERATE = re.compile(r"/v1beta/models/([^/:]+):(generateContent|streamGenerateContent)")
    _STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND",
               429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}

    @classmethod
    def takes(cls, path):
        return cls._GENERATE.fullmatch(path) is not None

    @classmethod
    def said(cls, path):
        found = cls._GENERATE.fullmatch(path)
        return {"model": found[1], "stream": found[2] == "streamGenerateContent"}

    @staticmethod
    def _frame(chunk):
        return f"data: {_compact(chunk)}\r\n\r\n".encode()

    @staticmethod
    def usage(turn):
        usage = turn.get("usage", {})
        given, made = usage.get("input", 0), usage.get("output", 0)
        return {"promptTokenCount": given, "candidatesTokenCount": made, "totalTokenCount": given + made,
                "cachedContentTokenCount": usage.get("cached", 0)}

    @staticmethod
    def _parts(turn, request, number):
        parts = [{"text": piece, "thought": True} for piece in _pieces(turn.get("thinking"))]
        parts += [{"text": piece} for piece in _texts(turn, request)]
        return parts + [{"functionCall": {"name": name, "args": json.loads(text or "{}")},
                         "thoughtSignature": "c2NyaXB0ZWQ="} for _, name, text, _ in _calls(turn, number)]

    @classmethod
    def _chunk(cls, turn, request, number, parts, **more):
        candidate = {"content": {"parts": parts, "role": "model"}, "index": 0, **more}
        return {"candidates": [candidate], "usageMetadata": cls.usage(turn), "modelVersion": request.get("model", ""),
                "responseId": f"gen_{number}"}

    @classmethod
    def _finish(cls, turn):
        return {"finishReason": "MAX_TOKENS" if _finish(turn) == "length" else "STOP"}

    @classmethod
    def stream(cls, turn, request, number):
        """The server-sent events of a turn, one bytes object each."""
        parts = cls._parts(turn, request, number)
        last = cls._chunk(turn, request, number, [{"text": ""}], **cls._finish(turn))
        return [cls._frame(cls._chunk(turn, request, number, [part])) for part in parts] + [cls._frame(last)]

    @classmethod
    def whole(cls, turn, request, number):
        return cls._chunk(turn, request, number, cls._parts(turn, request, number), **cls._finish(turn))

    @classmethod
    def error(cls, status, message, kind=None):
        return {"error": {"code": status, "message": message, "status": kind or cls._STATUS.get(status, "UNKNOWN")}}

    @classmethod
    def error_event(cls, status, message, kind=None):
        return cls._frame(cls.error(status, message, kind))

    @staticmethod
    def models(names):
        return {"models": [{"name": f"models/{name}", "version": "scripted", "displayName": name} for name in names]}


_BEDROCK_STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
_BEDROCK_ERRORS = {400: "validationException", 429: "throttlingException", 503: "serviceUnavailableException"}


class Bedrock(_Dialect):
    """Bedrock Converse: the model and whether to stream are in the path; a stream is binary messages."""

    path = "/model/"
    stream_type = "application/vnd.amazon.eventstream"

    @classmethod
    def takes(cls, path):
        return path.startswith(cls.path) and path.endswith(("/converse", "/converse-stream"))

    @staticmethod
    def said(path):
        return {"stream": path.endswith("-stream")}

    @staticmethod
    def _message(headers, payload):
        block = b"".join(struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
                         for name, value in headers.items())
        prelude = struct.pack("!II", len(block) + len(payload) + 16, len(block))
        start = prelude + struct.pack("!I", binascii.crc32(prelude)) + block + payload
        return start + struct.pack("!I", binascii.crc32(start))

    @classmethod
    def _event(cls, kind, value):
        return cls._message({":event-type": kind, ":content-type": "application/json", ":message-type": "event"},
                            _compact(value).encode())

    @staticmethod
    def usage(turn):
        usage = turn.get("usage", {})
        given, cached, made = usage.get("input", 0), usage.get("cached", 0), usage.get("output", 0)
        return {"inputTokens": given, "outputTokens": made, "totalTokens": given + cached + made,
                "cacheReadInputTokens": cached, "cacheWriteInputTokens": 0}

    @classmethod
    def stream(cls, turn, request, number):
        events = [cls._event("messageStart", {"role": "assistant"})]
        blocks = [(None, [{"reasoningContent": {"text": piece}} for piece in _pieces(turn.get("thinking"))]),
                  (None, [{"text": piece} for piece in _texts(turn, request)])]
        blocks += [({"toolUse": {"toolUseId": call_id, "name": name}},
                    [{"toolUse": {"input": part}} for part in parts]) for call_id, name, _, parts in _calls(turn, number)]
        for index, (start, deltas) in enumerate(block for block in blocks if block[1]):
            if start:
                events.append(cls._event("contentBlockStart", {"contentBlockIndex": index, "start": start}))
            events += [cls._event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta}) for delta in deltas]
            events.append(cls._event("contentBlockStop", {"contentBlockIndex": index}))
        events.append(cls._event("messageStop", {"stopReason": _BEDROCK_STOP.get(_finish(turn), _finish(turn))}))
        return events + [cls._event("metadata", {"usage": cls.usage(turn), "metrics": {"latencyMs": 1}})]

    @classmethod
    def whole(cls, turn, request, number):
        content = [{"text": text} for text in ["".join(_texts(turn, request))] if text]
        content += [{"toolUse": {"toolUseId": call_id, "name": name, "input": json.loads(text)}}
                    for call_id, name, text, _ in _calls(turn, number)]
        return {"output": {"message": {"role": "assistant", "content": content}}, "usage": cls.usage(turn),
                "stopReason": _BEDROCK_STOP.get(_finish(turn), _finish(turn)), "metrics": {"latencyMs": 1}}

    @staticmethod
    def error(status, message, kind=None):
        return {"message": message}

    @classmethod
    def error_event(cls, status, message, kind=None):
        name = kind or _BEDROCK_ERRORS.get(status, "internalServerException")
        return cls._message({":exception-type": name, ":content-type": "application/json", ":message-type": "exception"},
                            _compact({"message": message}).encode())

    models = OpenAi.models


_COHERE_STOP = {"stop": "COMPLETE", "length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}


class Cohere(_Dialect):
    """Cohere's chat, version 2. Thinking before calls is a tool plan."""

    path = "/v2/chat"

    @staticmethod
    def usage(turn):
        usage = turn.get("usage", {})
        counts = {"input_tokens": usage.get("input", 0), "output_tokens": usage.get("output", 0)}
        return {"billed_units": counts, "tokens": counts, "cached_tokens": usage.get("cached", 0)}

    @staticmethod
    def _frame(event):
        return f"event: {event['type']}\ndata: {_compact(event)}\n\n".encode()

    @classmethod
    def stream(cls, turn, request, number):
        def event(kind, **members):
            return cls._frame({"type": kind, **members})

        def delta(kind, index, message):
            return event(kind, index=index, delta={"message": message})

        events = [event("message-start", id=f"chat-{number}", delta={"message": {"role": "assistant", "content": []}})]
        for index, (kind, pieces) in enumerate([("thinking", _pieces(turn.get("thinking"))), ("text", _texts(turn, request))]):
            if pieces:
                events.append(delta("content-start", index, {"content": {"type": kind, kind: ""}}))
                events += [delta("content-delta", index, {"content": {kind: piece}}) for piece in pieces]
                events.append(event("content-end", index=index))
        for index, (call_id, name, _, parts) in enumerate(_calls(turn, number)):
            call = {"id": call_id, "type": "function", "function": {"name": name, "arguments": ""}}
            events.append(delta("tool-call-start", index, {"tool_calls": call}))
            events += [delta("tool-call-delta", index, {"tool_calls": {"function": {"arguments": part}}}) for part in parts]
            events.append(event("tool-call-end", index=index))
        end = {"finish_reason": _COHERE_STOP.get(_finish(turn), _finish(turn)), "usage": cls.usage(turn)}
        return events + [event("message-end", delta=end)]

    @classmethod
    def whole(cls, turn, request, number):
        message = {"role": "assistant", "content": [{"type": "text", "text": "".join(_texts(turn, request))}]}
        calls = [{"id": call_id, "type": "function", "function": {"name": name, "arguments": text}}
                 for call_id, name, text, _ in _calls(turn, number)]
        if calls:
            message["tool_calls"] = calls
        return {"id": f"chat-{number}", "message": message, "usage": cls.usage(turn),
                "finish_reason": _COHERE_STOP.get(_finish(turn), _finish(turn))}

    @staticmethod
    def error(status, message, kind=None):
        return {"message": message}

    @classmethod
    def error_event(cls, status, message, kind=None):
        return cls._frame({"type": "message-end", "delta": {"finish_reason": "ERROR", "error": message}})

    models = OpenAi.models


class Ollama(_Dialect):
    """Ollama's own chat: a line a piece, arguments as objects."""

    path = "/api/chat"
    stream_type = "application/x-ndjson"

    @staticmethod
    def streams(request):
        return request.get("stream", True)

    @staticmethod
    def _head(request):
        return {"model": request.get("model", ""), "created_at": "2024-01-01T00:00:00Z"}

    @staticmethod
    def _end(turn):
        usage = turn.get("usage", {})
        return {"done": True, "done_reason": "length" if _finish(turn) == "length" else "stop",
                "prompt_eval_count": usage.get("input", 0), "eval_count": usage.get("output", 0)}

    @staticmethod
    def _tool_calls(turn, number):
        return [{"id": call_id, "function": {"name": name, "arguments": json.loads(text)}}
                for call_id, name, text, _ in _calls(turn, number)]

    @classmethod
    def stream(cls, turn, request, number):
        def line(message, end=None):
            return (_compact({**cls._head(request), "message": {"role": "assistant", "content": "", **message},
                              **(end or {"done": False})}) + "\n").encode()

        lines = [line({"thinking": piece}) for piece in _pieces(turn.get("thinking"))]
        lines += [line({"content": piece}) for piece in _texts(turn, request)]
        lines += [line({"tool_calls": [call]}) for call in cls._tool_calls(turn, number)]
        return lines + [line({}, cls._end(turn))]

    @classmethod
    def whole(cls, turn, request, number):
        message = {"role": "assistant", "content": "".join(_texts(turn, request))}
        if turn.get("tool_calls"):
            message["tool_calls"] = cls._tool_calls(turn, number)
        return {**cls._head(request), "message": message, **cls._end(turn)}

    @staticmethod
    def error(status, message, kind=None):
        return {"error": message}

    @classmethod
    def error_event(cls, status, message, kind=None):
        return (_compact({"error": message}) + "\n").encode()

    models = OpenAi.models


DIALECTS = (OpenAi, Responses, Anthropic, Gemini, Bedrock, Cohere, Ollama)


def dialect_at(path):
    """The dialect of a path, or None."""
    return next((dialect for dialect in DIALECTS if dialect.takes(path)), None)


def turns_taken(request):
    """How often the model has spoken in the conversation of a request."""
    if isinstance(request.get("input"), list):
        speaks = [item.get("role") == "assistant" or item.get("type") in ("function_call", "reasoning")
                  for item in request["input"]]
        return sum(now and not before for before, now in zip([False, *speaks], speaks))
    return sum(message.get("role") in ("assistant", "model")
               for message in request.get("messages", request.get("contents", [])))
