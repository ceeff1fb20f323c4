"""Conversations and answers that try what recordings lack: neutral documents without a dialect, and documents of dialects
whose parts only they have."""

import base64
import json

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n0000").decode()
PDF = base64.b64encode(b"%PDF-1.4 nothing").decode()
WAV = base64.b64encode(b"RIFF0000WAVEfmt ").decode()
TEXT = base64.b64encode("Naïve text,\nof two lines.".encode()).decode()
URL = "https://files.example/a"


def text(words):
    return {"type": "text", "text": words}


def message(role, *parts):
    return {"role": role, "parts": list(parts)}


def user(*parts):
    return message("user", *parts)


def call(call_id="call_1", name="look", arguments='{"at":"the sea"}'):
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def result(*content, call_id="call_1", **members):
    return {"type": "tool_result", "call_id": call_id, "content": list(content), **members}


def used(*parts, **members):
    """A turn in which a tool was used, with what it gave."""
    return [user(text("Look.")), message("assistant", call()), message("tool", result(*parts, **members))]


def request(*messages, **members):
    return {"model": "m", "messages": list(messages) or [user(text("Hello."))], **members}


TOOL = {"name": "look", "description": "Looks.", "parameters": {
    "type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"], "additionalProperties": False}}
OTHER = {"name": "wait", "description": "Waits.", "parameters": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
IMAGE = {"type": "image", "mime": "image/png", "data": PNG}
IMAGE_URL = {"type": "image", "url": URL + ".png"}
IMAGE_STORED = {"type": "image", "url": "s3://bucket/a.png", "mime": "image/png"}
IMAGE_ID = {"type": "image", "id": "file-1"}
IMAGE_BROKEN = {"type": "image", "url": "data:image/png;base64,!!"}
AUDIO = {"type": "audio", "mime": "audio/wav", "data": WAV}
AUDIO_URL = {"type": "audio", "mime": "audio/wav", "url": URL + ".wav"}
FILE = {"type": "file", "mime": "application/pdf", "data": PDF, "name": "plan (v1.2).pdf"}
FILE_URL = {"type": "file", "url": URL + ".pdf", "mime": "application/pdf"}
FILE_ID = {"type": "file", "id": "file-2"}
FILE_TEXT = {"type": "file", "mime": "text/plain", "data": TEXT, "name": "notes.txt"}
MEDIA = (IMAGE, IMAGE_URL, IMAGE_STORED, IMAGE_ID, IMAGE_BROKEN, AUDIO, AUDIO_URL, FILE, FILE_URL, FILE_ID, FILE_TEXT)
PLAIN = {"type": "reasoning", "text": "Thinking.", "form": "plain"}


def requests():
    """(name, neutral request)."""
    yield "words", request(message("system", text("Be brief.")), user(text("Hello.")), message("assistant", text("Hi.")),
                           user(text("And?")))
    yield "a developer", request(message("developer", text("Be brief.")), user(text("Hello.")))
    yield "a system message within", request(user(text("Hello.")), message("assistant", text("Hi.")),
                                             message("system", text("Now be long.")), user(text("And?")))
    for part in MEDIA:
        name = f"{part['type']} by {next(place for place in ('data', 'url', 'id') if place in part)}"
        yield name, request(user(text("What is this?"), part))
        yield f"{name} in a result", request(*used(text("Here."), part), tools=[TOOL])
    for part in (IMAGE, AUDIO, FILE):
        yield f"{part['type']} for the system", request(message("system", text("Like this."), part), user(text("Do.")))
    yield "an image that the model made", request(user(text("Draw.")), message("assistant", text("Here."), IMAGE),
                                                  user(text("Bigger.")))
    yield "thoughts", request(user(text("Why?")), message("assistant", PLAIN, text("So.")), user(text("And?")))
    yield "two results", request(
        user(text("Look.")), message("assistant", text("I look."), call(), call("call_2")),
        message("tool", result(text("1"), call_id="call_1")), message("tool", result(text("2"), call_id="call_2")),
        tools=[TOOL])
    yield "words after a call", request(
        user(text("Look.")), message("assistant", text("One."), call(), text("Two.")),
        message("tool", result(text("1"))), tools=[TOOL])
    yield "an odd id", request(user(text("Look.")), message("assistant", call("functions.look:0")),
                               message("tool", result(text("1"), call_id="functions.look:0")), tools=[TOOL])
    yield "arguments that are none", request(user(text("Look.")), message("assistant", call(arguments='{"at":')),
                                             message("tool", result(text("Invalid."))), tools=[TOOL])
    yield "a failure", request(*used(text("No such place."), is_error=True), tools=[TOOL])
    yield "an empty result", request(*used(), tools=[TOOL])
    yield "a result of a named tool", request(user(text("Go on.")), message("tool", result(text("x"), call_id="gone", name="look")))
    yield from options()


def options():
    """The same request with other parameters."""
    for mode in ("auto", "none", "required"):
        yield f"choice {mode}", request(tools=[TOOL, OTHER], tool_choice={"mode": mode})
    yield "a named tool", request(tools=[TOOL, OTHER], tool_choice={"mode": "named", "name": "look"})
    yield "no tool, of those used", request(*used(text("x")), tools=[TOOL, OTHER], tool_choice={"mode": "none"})
    yield "a strict tool", request(tools=[{**TOOL, "strict": True}])
    yield "a strict tool and another", request(tools=[{**TOOL, "strict": True}, OTHER])
    yield "a schema of nothing", request(tools=[{"name": "look", "parameters": {
        "type": "object", "properties": {}, "additionalProperties": False}}])
    yield "one call at a time", request(tools=[TOOL], parallel_tool_calls=False)
    yield "text", request(response_format={"kind": "text"})
    yield "any object", request(response_format={"kind": "json_object"})
    yield "an object of any form", request(response_format={"kind": "json_schema", "name": "answer"})
    yield "an object", request(response_format={"kind": "json_schema", "name": "answer", "schema": SCHEMA, "strict": True})
    for effort in ("none", "minimal", "low", "medium", "high", "xhigh"):
        yield f"effort {effort}", request(reasoning_effort=effort, model="claude-x")
    yield "limits", request(max_tokens=5, temperature=2.5, top_p=0.5, stop=["END"], seed=7, stream=True)
    yield "small numbers", request(max_tokens=500, temperature=0.5, top_p=0.5)
    yield "thinking with numbers", request(model="claude-x", reasoning_effort="low", max_tokens=9000, temperature=0.5,
                                           top_p=0.5)


def foreign_requests():
    """(name, dialect, body): what only that dialect has."""
    yield "cache and members", "anthropic_messages", {
        "model": "m", "max_tokens": 5, "metadata": {"user_id": "u"}, "container": "c", "cache_control": {"type": "ephemeral"},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello.", "cache_control": {"type": "ephemeral"}}]}]}
    yield "an automatic cache", "anthropic_messages", {
        "model": "m", "max_tokens": 5, "cache_control": {"type": "ephemeral"}, "messages": [{"role": "user", "content": "Hello."}]}
    yield "signed thoughts", "anthropic_messages", {
        "model": "m", "max_tokens": 5, "messages": [
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Thinking.", "signature": "c2ln"},
                {"type": "redacted_thinking", "data": "cmVk"}, {"type": "text", "text": "So."}]},
            {"role": "user", "content": "And?"}]}
    yield "a search result", "anthropic_messages", {
        "model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": [
            {"type": "text", "text": "Read."},
            {"type": "search_result", "source": URL, "title": "t", "content": [{"type": "text", "text": "found"}]}]}]}
    yield "a search result of a tool", "anthropic_messages", {
        "model": "m", "max_tokens": 5, "messages": [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": [
                {"type": "search_result", "source": URL, "title": "t", "content": [{"type": "text", "text": "found"}]}]}]}],
        "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {}}}]}
    yield "tools of the server", "anthropic_messages", {
        "model": "m", "max_tokens": 5, "tools": [{"type": "web_search_20250305", "name": "web_search"}], "messages": [
            {"role": "user", "content": "Search."},
            {"role": "assistant", "content": [
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
                {"type": "web_search_tool_result", "tool_use_id": "s1", "content": []},
                {"type": "text", "text": "Found.", "citations": [{
                    "type": "web_search_result_location", "url": URL, "title": "t", "cited_text": "c", "encrypted_index": "e"}]}]},
            {"role": "user", "content": "And?"}]}
    yield "a video", "openai_chat", {"model": "m", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "See."}, {"type": "video_url", "video_url": {"url": URL}}]}]}
    yield "a video for the system", "openai_chat", {"model": "m", "messages": [
        {"role": "system", "content": [{"type": "text", "text": "See."}, {"type": "video_url", "video_url": {"url": URL}}]},
        {"role": "user", "content": "Hello."}]}
    yield "details", "openai_chat", {"model": "m", "tools": [{"type": "web_search"}], "messages": [
        {"role": "user", "content": "Why?"},
        {"role": "assistant", "content": "So.", "reasoning": "Thinking.",
         "reasoning_details": [{"type": "reasoning.encrypted", "data": "ZW5j"}]},
        {"role": "user", "content": "And?"}]}
    yield "a refusal", "openai_chat", {"model": "m", "messages": [
        {"role": "user", "content": "Do."}, {"role": "assistant", "content": None, "refusal": "No."},
        {"role": "user", "content": "Please."}]}
    yield "a document", "openai_chat", {"model": "m", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "Read."}, {"type": "document_url", "document_url": URL}]}]}
    yield "encrypted thoughts", "openai_responses", {"model": "m", "store": False, "input": [
        {"role": "user", "content": "Why?"},
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Thinking."}],
         "encrypted_content": "ZW5j"},
        {"role": "assistant", "content": "So."}, {"role": "user", "content": "And?"}]}
    yield "annotations", "openai_responses", {"model": "m", "input": [
        {"role": "user", "content": "Why?"},
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "So.", "annotations": [
                {"type": "url_citation", "url": URL, "title": "t", "start_index": 0, "end_index": 1}]}]},
        {"role": "user", "content": "And?"}]}
    yield "a grammar", "openai_responses", {"model": "m", "input": "Hello.", "tools": [
        {"type": "custom", "name": "shell", "description": "Runs.", "format": {"type": "text"}}, {"type": "web_search"}]}
    yield "thought signatures", "gemini", {"contents": [
        {"role": "user", "parts": [{"text": "Look."}]},
        {"role": "model", "parts": [{"text": "Thinking.", "thought": True},
                                    {"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "c2ln"}]},
        {"role": "user", "parts": [{"functionResponse": {"name": "look", "response": {"output": "x"}}}]}],
        "tools": [{"functionDeclarations": [{"name": "look"}]}, {"googleSearch": {}}], "safetySettings": []}
    yield "executed code", "gemini", {"contents": [
        {"role": "user", "parts": [{"text": "Run."}, {"videoMetadata": {"fps": 1}}]},
        {"role": "model", "parts": [{"executableCode": {"language": "PYTHON", "code": "1"}}, {"text": "Ran."}]},
        {"role": "user", "parts": [{"text": "And?"}]}]}
    yield "a guard and a cache point", "bedrock_converse", {
        "system": [{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
        "messages": [{"role": "user", "content": [{"text": "Hello."}, {"guardContent": {"text": {"text": "x"}}},
                                                  {"cachePoint": {"type": "default"}}]}],
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}}
    yield "signed thoughts", "bedrock_converse", {"messages": [
        {"role": "user", "content": [{"text": "Why?"}]},
        {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "Thinking.", "signature": "c2ln"}}},
                                          {"text": "So."}]},
        {"role": "user", "content": [{"text": "And?"}]}]}
    yield "documents and a plan", "cohere_chat", {"model": "m", "documents": [{"data": {"text": "d"}}], "messages": [
        {"role": "user", "content": "Look."},
        {"role": "assistant", "tool_plan": "Thinking.", "tool_calls": [
            {"id": "l1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "l1", "content": [{"type": "document", "document": {"data": "x"}}]}]}
    yield "thinking", "ollama_chat", {"model": "m", "keep_alive": "5m", "messages": [
        {"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So.", "thinking": "Thinking."},
        {"role": "user", "content": "And?", "images": [PNG]}]}


USAGE = {"input": 20, "output": 9, "cached_input": 4, "cache_write": 2, "reasoning": 3, "known": True}
FINISHES = ("unknown", "stop", "length", "tool_calls", "content_filter", "refusal", "pause", "error", "other")


def answer(*parts, **members):
    return {"id": "r1", "model": "m", "created": 1_700_000_000, "finish": "stop", "finish_text": "", "usage": USAGE,
            "message": {"role": "assistant", "parts": list(parts) or [text("Hello.")]}, **members}


def answers():
    """(name, neutral answer)."""
    for finish in FINISHES:
        parts = [text("I look."), call()] if finish == "tool_calls" else [text("Hello.")]
        yield f"finish {finish}", answer(*parts, finish=finish)
    yield "thoughts", answer(PLAIN, text("So."), call(), call("call_2", arguments="{}"), finish="tool_calls")
    yield "a call at which nothing ends", answer(call(), finish="stop")
    yield "words after a call", answer(text("One."), call(), text("Two."), finish="tool_calls")
    yield "two texts", answer(text("One."), {**PLAIN}, text("Two."))
    yield "arguments that are none", answer(call(arguments='{"at":'), finish="length")
    yield "an odd id", answer(call("functions.look:0"), finish="tool_calls")
    yield "nothing", answer(text(""))
    yield "another id at the beginning", answer(began={"id": "r0"})
    yield "no model at the beginning", answer(began={"model": ""})
    for part in (IMAGE, IMAGE_URL, AUDIO, FILE):
        yield f"{part['type']} by {'data' if 'data' in part else 'url'}", answer(text("Here."), part)


def foreign_answers():
    """(name, dialect, body)."""
    yield "signed thoughts and citations", "anthropic_messages", {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "stop_sequence",
        "stop_sequence": "END", "usage": {"input_tokens": 1, "output_tokens": 1, "service_tier": "standard"}, "content": [
            {"type": "thinking", "thinking": "Thinking.", "signature": "c2ln"},
            {"type": "redacted_thinking", "data": "cmVk"},
            {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {}},
            {"type": "mcp_tool_use", "id": "x1", "name": "n", "server_name": "s", "input": {}},
            {"type": "text", "text": "So.", "citations": [{"type": "char_location", "cited_text": "c", "document_index": 0,
                                                            "document_title": "t", "start_char_index": 0, "end_char_index": 1}]}]}
    yield "a refusal", "openai_chat", {
        "id": "c1", "object": "chat.completion", "created": 5, "model": "m", "system_fingerprint": "fp", "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": None, "refusal": "No."}}]}
    yield "a refusal", "openai_responses", {
        "id": "resp_1", "object": "response", "created_at": 5, "model": "m", "status": "completed", "store": False, "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "ZW5j"},
            {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [
                {"type": "refusal", "refusal": "No."}]}]}
    yield "signatures", "gemini", {
        "responseId": "g1", "modelVersion": "m", "usageMetadata": {"promptTokenCount": 1, "totalTokenCount": 1},
        "candidates": [{"index": 0, "finishReason": "STOP", "avgLogprobs": -0.5, "content": {"role": "model", "parts": [
            {"text": "Thinking.", "thought": True}, {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"functionCall": {"name": "look", "args": {}}, "thoughtSignature": "c2ln"}]}}]}
    yield "signed thoughts and citations", "bedrock_converse", {
        "stopReason": "end_turn", "metrics": {"latencyMs": 5}, "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "output": {"message": {"role": "assistant", "content": [
            {"reasoningContent": {"reasoningText": {"text": "Thinking.", "signature": "c2ln"}}},
            {"citationsContent": {"content": [{"text": "So."}], "citations": [{"title": "t"}]}}]}}}
    yield "a plan and citations", "cohere_chat", {
        "id": "k1", "finish_reason": "COMPLETE", "usage": {"billed_units": {"input_tokens": 1, "output_tokens": 1},
                                                           "tokens": {"input_tokens": 1, "output_tokens": 1}},
        "message": {"role": "assistant", "content": [{"type": "thinking", "thinking": "Thinking."}, {"type": "text", "text": "So."}],
                    "citations": [{"start": 0, "end": 1, "text": "S"}]}}
    yield "an answer", "ollama_chat", {
        "model": "m", "created_at": "2024-01-01T00:00:00Z", "done": True, "done_reason": "stop", "total_duration": 5,
        "message": {"role": "assistant", "content": "So.", "thinking": "Thinking."}}


def events_of(answered):
    """The neutral events of an answer, as lines: what a stream of it would say."""
    began = answered.pop("began", {})
    head = {**answered, "message": {"role": "assistant", "parts": []}, "finish": "unknown", "usage": {}, **began}
    yield {"event": "start", "response": head}
    calls = 0
    for number, part in enumerate(answered["message"]["parts"]):
        place = {"part": number}
        if part["type"] in ("text", "reasoning"):
            for at in range(0, len(part["text"]), 3):
                yield {"event": part["type"], **place, "text": part["text"][at:at + 3]}
        elif part["type"] == "tool_call":
            place["index"] = calls
            calls += 1
            yield {"event": "tool_call", **place, "id": part["id"], "name": part["name"]}
            for at in range(0, len(part["arguments"]), 5):
                yield {"event": "tool_call_args", **place, "text": part["arguments"][at:at + 5]}
            yield {"event": "tool_call_end", **place, "body": part}
        else:
            yield {"event": "part", **place, "body": part}
    yield {"event": "finish", "response": answered}


def lines_of(answered):
    return "".join(json.dumps(event) + "\n" for event in events_of(answered)).encode()


ERRORS = (("rate_limited", "resource_exhausted"), ("quota_exhausted", "resource_exhausted"), ("overloaded", "unavailable"),
          ("server_error", "unavailable"), ("authentication_failed", "unauthenticated"),
          ("authentication_failed", "permission_denied"), ("not_found", "not_found"), ("invalid_request", "invalid_argument"),
          ("context_length_exceeded", "invalid_argument"))


def errors():
    for reason, code in ERRORS:
        yield {"code": code, "reason": reason, "message": "it went wrong", "retryable": code == "unavailable"}
