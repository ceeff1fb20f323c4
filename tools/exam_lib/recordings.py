#!/usr/bin/env python3
"""Recorded provider traffic through the codecs of the C API: nothing of its meaning may be lost.

PATH is a folder of *.jsonl.xz or *.jsonl files, or one of them. A file is named for its provider; a line is
{"case", "interactions": [{"request": {"path", "body"}, "response": {"status", "body"}}]}. Each request is decoded and
encoded again, each answer likewise, each event stream is decoded whole, byte by byte and in 1,000 random splits. A body
of binary messages (application/vnd.amazon.eventstream) is recorded as base 64.
"""

import argparse
import base64
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True
import records  # noqa: E402
import embeddings  # noqa: E402
from libtau import REQUEST, RESPONSE, Libtau, TauError  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = ROOT.parent / "shared" / "data" / "provider-recordings"
# A path ends in the one of its dialect; below another path the dialect shows in the answer.
DIALECTS = {"/chat/completions": "openai_chat", "/v1/messages": "anthropic_messages",
            "/responses": "openai_responses", ":generateContent": "gemini", ":streamGenerateContent": "gemini",
            "/converse": "bedrock_converse", "/converse-stream": "bedrock_converse", "/v2/chat": "cohere_chat",
            "/api/chat": "ollama_chat"}
BINARY = "application/vnd.amazon.eventstream"
# What a decoder says when it cannot read a stream, not when the stream reports a failure of the provider.
UNREADABLE = ("invalid_response", "stream_truncated", "sse_event_too_large", "event_stream_corrupt",
              "event_stream_too_large", "stream_line_too_large")
# The habits of these providers are not told: be as tolerant as the decoder can be.
TOLERANT = '{"done_mark_optional":true}'
SEED = 20_240_601
MOST_SHOWN = 20


class Failure(Exception):
    """What is wrong with one interaction."""


def difference(before, after, path=""):
    """The first place where two JSON values differ, or None. True is not 1, and 1 is 1.0."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before.keys() | after.keys():
            if key not in after:
                return f"{path}/{key} is lost"
            if key not in before:
                return f"{path}/{key} is new: {after[key]!r:.200}"
            if found := difference(before[key], after[key], f"{path}/{key}"):
                return found
        return None
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return next(filter(None, (difference(a, b, f"{path}/{i}") for i, (a, b) in enumerate(zip(before, after)))),
                    None)
    if before == after and isinstance(before, bool) == isinstance(after, bool):
        return None
    return f"{path}: {before!r:.200} -> {after!r:.200}"


def check_document(library, dialect, kind, body):
    """Decodes and encodes; the JSON must say the same as before."""
    what = "request" if kind == REQUEST else "response"
    try:
        encoded = library.encode(dialect, kind, library.decode(dialect, kind, body))
    except TauError as error:
        raise Failure(f"{what}: {error}") from error
    if found := difference(json.loads(body), json.loads(encoded)):
        raise Failure(f"{what} changed at {found}")


def check_refusal(library, dialect, body):
    """The document of an error is not an answer: decoding must refuse it."""
    try:
        neutral = json.loads(library.decode(dialect, RESPONSE, body))
    except TauError as error:
        if not error.reason:
            raise Failure(f"error without reason: {error}") from error
        return
    raise Failure(f"an error passed for an answer: {neutral!r:.200}")


def check_order(events):
    """One start first, one finish last, and the pieces add up to the message of the finish."""
    kinds = [event["event"] for event in events]
    if kinds.count("start") != 1 or kinds.count("finish") != 1 or kinds[-1] != "finish":
        raise Failure("not one start and one finish")
    parts = events[-1]["response"]["message"]["parts"]
    streamed = "".join(event["text"] for event in events if event["event"] == "text")
    if streamed != "".join(part["text"] for part in parts if part["type"] == "text"):
        raise Failure("the streamed text differs from the message")
    arguments = {event["index"]: "" for event in events if event["event"] == "tool_call"}
    for event in events:
        if event["event"] == "tool_call_args":
            arguments[event["index"]] += event["text"]
    if list(arguments.values()) != [part["arguments"] for part in parts if part["type"] == "tool_call"]:
        raise Failure("the streamed tool calls differ from the message")


def check_stream(library, dialect, body, splitter):
    try:
        check_order(library.decode_stream(dialect, body, TOLERANT))
    except TauError as error:
        if error.reason and error.reason not in UNREADABLE and any(map(is_failure, documents_of(body))):
            return  # the provider's own failure, told as such
        raise Failure(f"stream: {error}") from error
    data = body if isinstance(body, bytes) else body.encode()
    splitter.stdin.write(f"{dialect} {TOLERANT} {len(data)}\n".encode() + data)
    splitter.stdin.flush()
    verdict = splitter.stdout.readline().decode().strip()
    if verdict != "same":
        raise Failure(f"split: {verdict or 'the splitter ended'}")


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


def documents_of(body):
    """The documents of an event stream whose events have one line of data, which is how the dialects write them, or are
    lines. Of binary messages none."""
    if isinstance(body, bytes):
        return []
    lines = (line.removeprefix("data:") for line in body.splitlines() if line.startswith(("data:", "{")))
    return [document for document in map(parsed, lines) if isinstance(document, dict)]


def is_failure(document):
    if document.get("type") in ("error", "response.failed"):
        return True
    choices = document.get("choices")
    places = [document, *(choice for choice in choices if isinstance(choice, dict))] if isinstance(
        choices, list) else [document]
    return any(place.get("error") for place in places)


def answers_of(body):
    return documents_of(body) if is_stream(body) else [document for document in [parsed(body)]
                                                       if isinstance(document, dict)]


def is_chat(document):
    kind = document.get("object")
    return isinstance(document.get("choices"), list) and (
        kind in ("chat.completion", "chat.completion.chunk") or
        any(isinstance(choice, dict) and ("message" in choice or "delta" in choice) for choice in document["choices"]))


def is_message(document):
    return document.get("type") == "message_start" or (
        document.get("type") == "message" and document.get("role") == "assistant" and
        isinstance(document.get("content"), list))


def is_response(document):
    response = document.get("response", document)
    return isinstance(response, dict) and response.get("object") == "response" and isinstance(
        response.get("output"), list)


def is_generated(document):
    return isinstance(document.get("candidates"), list) and ("modelVersion" in document or
                                                             "usageMetadata" in document)


# What is asked in a dialect has this member; what is answered is of this kind.
SHAPES = (("messages", is_chat, "openai_chat"), ("messages", is_message, "anthropic_messages"),
          ("input", is_response, "openai_responses"), ("contents", is_generated, "gemini"))


def dialect_of(interaction):
    """By the path, which an error answer has too; below a path of another form, by what was asked and answered."""
    path = interaction["request"]["path"].partition("?")[0].rstrip("/")
    for end, dialect in DIALECTS.items():
        if path.endswith(end):
            return dialect
    request = parsed(interaction["request"]["body"])
    if not isinstance(request, dict):
        return None
    answers = answers_of(interaction["response"]["body"])
    return next((dialect for member, answers_so, dialect in SHAPES
                 if member in request and any(map(answers_so, answers))), None)


def is_stream(body):
    if isinstance(body, bytes):
        return True
    if body.lstrip()[:1] != "{":
        return body.lstrip()[:1] not in ("[", "")
    return parsed(body) is None and parsed(body.lstrip().partition("\n")[0]) is not None


def body_of(response):
    """The body as it was sent."""
    headers = {name.lower(): value for name, value in response.get("headers") or []}
    binary = headers.get("content-type", "").startswith(BINARY)
    return base64.b64decode(response["body"]) if binary else response["body"]


def check(library, dialect, interaction, splitter):
    request, response = interaction["request"], interaction["response"]
    body = body_of(response)
    if dialect in embeddings.DIALECTS.values():
        if found := embeddings.trouble(library, dialect, request["body"], response, difference):
            raise Failure(found)
        return
    check_document(library, dialect, REQUEST, request["body"])
    if not 200 <= response["status"] < 300:
        check_refusal(library, dialect, body)
    elif is_stream(body):
        check_stream(library, dialect, body, splitter)
    else:
        check_document(library, dialect, RESPONSE, body)


def files_of(path):
    """(provider, file) in order of name."""
    return [(file.name.removesuffix(".xz").removesuffix(".jsonl"), file) for file in records.files_of(path)]


def interactions_of(file):
    for number, case in enumerate(records.lines_of(file), 1):
        for interaction in case["interactions"]:
            yield f"{file.name}:{number} {case['case']}", interaction


def without_name(part):
    """A part of a path, whose verb stays: "*:countTokens"."""
    name, verb = re.fullmatch(r"(.*?)(:[A-Za-z]+)?", part).groups("")
    return f"*{verb}" if verb or re.search(r"REDACTED|[%:.]|[_-]\d", name) else part


def endpoint_of(request):
    """Its method and path without what names a model, a version or one thing of many."""
    path = request["path"].partition("?")[0].strip("/")
    return f"{request.get('method', 'POST')} /{'/'.join(map(without_name, path.split('/')))}"


def examine(library, files, splitter):
    """Provider -> counts, and the endpoints of other dialects; failures are printed as they are found."""
    scores, others = {}, Counter()
    shown = 0
    for provider, file in files:
        score = scores.setdefault(provider, Counter())
        for name, interaction in interactions_of(file):
            dialect = embeddings.dialect_of(interaction["request"]) or dialect_of(interaction)
            if dialect is None:
                score["unsupported"] += 1
                others[f"{provider} {endpoint_of(interaction['request'])}"] += 1
                continue
            try:
                check(library, dialect, interaction, splitter)
                score["passed"] += 1
                score["streams"] += is_stream(body_of(interaction["response"]))
                score[dialect] += 1
            except Failure as failure:
                score["failed"] += 1
                shown += 1
                if shown <= MOST_SHOWN:
                    print(f"FAILED {name}: {failure}", flush=True)
    return scores, others


def report(scores, others):
    """The table, and the line for programs; returns whether nothing failed."""
    columns = ("passed", "failed", "unsupported")
    print(f"{'provider':20} {'passed':>8} {'failed':>8} {'unsupported':>12} {'of them streams':>16}")
    for provider, score in sorted(scores.items()):
        print(f"{provider:20} {score['passed']:8} {score['failed']:8} {score['unsupported']:12} {score['streams']:16}")
    total = sum(scores.values(), Counter())
    result = {column: total[column] for column in columns}
    dialects = {*DIALECTS.values(), *embeddings.DIALECTS.values()}
    result["by_dialect"] = {dialect: total[dialect] for dialect in sorted(dialects)}
    result["unsupported_endpoints"] = dict(sorted(others.items()))
    result["by_provider"] = {provider: {column: score[column] for column in columns}
                             for provider, score in sorted(scores.items())}
    print(f"{'all':20} {total['passed']:8} {total['failed']:8} {total['unsupported']:12} {total['streams']:16}")
    for endpoint, count in sorted(others.items()):
        print(f"unsupported: {endpoint} {count}")
    print(json.dumps(result), flush=True)
    return total["failed"] == 0


def parse_args(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, required=True, help="the build folder, with library and splitter")
    parser.add_argument("--splits", type=int, default=1000, help="random splits of each stream")
    parser.add_argument("path", nargs="?", type=Path, default=DEFAULT)
    return parser.parse_args(argv)


def main(argv):
    args = parse_args(argv)
    files = files_of(args.path)
    if not files:
        print(f"error: no *.jsonl or *.jsonl.xz in {args.path}; give a folder or file of recordings", file=sys.stderr)
        return 2
    splitter = subprocess.Popen([args.build / "tests" / "exam" / "split_exam", str(args.splits), str(SEED)],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with splitter:
        scores, others = examine(Libtau(args.build), files, splitter)
        splitter.stdin.close()
    return 0 if report(scores, others) and splitter.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
