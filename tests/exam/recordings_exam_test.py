#!/usr/bin/env python3
"""The exam of recordings passes what is right, and fails what it should: an exam that cannot fail proves nothing.

Usage: recordings_exam_test.py SPLIT_EXAM LIBTAU
"""

import base64
import json
import lzma
import struct
import subprocess
import sys
import zlib
from pathlib import Path

from cases import run

ROOT = Path(__file__).resolve().parents[2]
EXAM = ROOT / "tools" / "exam_lib" / "recordings.py"
BUILD = Path(sys.argv[2]).resolve().parents[1]

REQUEST = '{"model":"m","messages":[{"role":"user","content":"hé"}],"vendor_habit":{"a":[1,2.5,true]}}'
STREAM = "".join(f'data: {{"id":"c","object":"chat.completion.chunk","created":7,"model":"m","choices":[{{"index":0,'
                 f'"delta":{{"content":"{text}"}},"finish_reason":{finish}}}]}}\n\n'
                 for text, finish in (("h\u00e9", "null"), ("llo", '"stop"'))) + "data: [DONE]\n\n"
CUT = STREAM[:STREAM.index("llo")]
FAILED = STREAM[:STREAM.index("data: [DONE]")].replace('"stop"', "null") + (
    'data: {"error":{"message":"overloaded","code":503}}\n\n')
MESSAGE = ('{"id":"m","type":"message","role":"assistant","model":"c","content":[{"type":"text","text":"a"}],'
           '"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}')
ERROR = '{"error":{"message":"no such model","type":"invalid_request_error","code":"model_not_found"}}'


LINES = ('{"model":"m","created_at":"2024-01-01T00:00:00Z","message":{"role":"assistant","content":"hé"},"done":false}\n'
         '{"model":"m","created_at":"2024-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,'
         '"done_reason":"stop"}\n')
BINARY = {"content-type": "application/vnd.amazon.eventstream"}


def message(kind, payload):
    """A binary message of an event stream."""
    headers = b"".join(bytes([len(name)]) + name + b"\x07" + struct.pack("!H", len(value)) + value
                       for name, value in ((b":event-type", kind), (b":message-type", b"event")))
    prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
    start = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
    return start + struct.pack("!I", zlib.crc32(start))


MESSAGES = (message(b"messageStart", b'{"role":"assistant"}') +
            message(b"contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"h"}}') +
            message(b"messageStop", b'{"stopReason":"end_turn"}'))


def line(path="/v1/chat/completions", request=REQUEST, status=200, response=STREAM, headers=None):
    return json.dumps({"case": "c", "interactions": [
        {"request": {"method": "POST", "path": path, "body": request},
         "response": {"status": status, "headers": list((headers or {}).items()), "body": response}}]}) + "\n"


def converse(messages):
    return line(path="/model/m/converse-stream", request='{"messages":[{"role":"user","content":[{"text":"a"}]}]}',
                response=base64.b64encode(messages).decode(), headers=BINARY)


def exam(*arguments):
    done = subprocess.run([sys.executable, EXAM, "--build", BUILD, "--splits", "20", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def verdict_of(folder, text):
    (folder / "some.jsonl").write_text(text, encoding="utf-8")
    status, out, _ = exam(folder / "some.jsonl")
    result = json.loads(out.splitlines()[-1])
    return status, result["passed"], result["failed"], result["unsupported"]


def splitter(frame):
    return subprocess.run([sys.argv[1], "5", "1"], input=frame.encode(), stdout=subprocess.PIPE, check=False)


def cases(folder):
    """(what holds, whether it does)."""
    yield "an intact stream passes", verdict_of(folder, line()) == (0, 1, 0, 0)
    yield "a stream that was cut off fails", verdict_of(folder, line(response=CUT)) == (1, 0, 1, 0)
    yield "a request that is not of the dialect fails", verdict_of(folder, line(request='{"model":7}')) == (1, 0, 1, 0)
    yield "an error document passes as an error", verdict_of(folder, line(status=404, response=ERROR)) == (0, 1, 0, 0)
    yield "an error document does not pass as an answer", verdict_of(folder, line(response=ERROR)) == (1, 0, 1, 0)
    yield "a failure that the provider streamed passes as one", verdict_of(
        folder, line(response=FAILED)) == (0, 1, 0, 0)
    for path in ("/openai/deployments/x/chat/completions?api-version=1", "/chat/completions/", "/gateway/invoke"):
        yield f"chat below {path}", verdict_of(folder, line(path=path)) == (0, 1, 0, 0)
    yield "messages below any path", verdict_of(
        folder, line(path="/model/c/invoke", request='{"anthropic_version":"b","max_tokens":1,"messages":'
                     '[{"role":"user","content":"a"}]}', response=MESSAGE)) == (0, 1, 0, 0)
    item = {"type": "message", "id": "i", "status": "completed", "role": "assistant",
            "content": [{"type": "output_text", "text": "a", "annotations": []}]}
    answer = json.dumps({"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "completed",
                         "output": [item]})
    for path in ("/v1/responses", "/gateway/invoke"):
        yield f"responses below {path}", verdict_of(
            folder, line(path=path, request='{"model":"m","input":"a"}', response=answer)) == (0, 1, 0, 0)
    yield "a response stream that was cut off fails", verdict_of(
        folder, line(path="/v1/responses", request='{"input":"a"}', response='data: {"type":"response.created",'
                     '"response":{"id":"r"}}\n\n')) == (1, 0, 1, 0)
    answer = ('{"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"finishReason":"STOP"}],'
              '"modelVersion":"g"}')
    for path, body in (("/v1beta/models/g:generateContent", answer), ("/gateway/invoke", answer),
                       ("/v1beta/models/g:streamGenerateContent", f"data: {answer}\n\n")):
        yield f"Gemini below {path}", verdict_of(
            folder, line(path=path, request='{"contents":[{"role":"user","parts":[{"text":"a"}]}]}', response=body)
        ) == (0, 1, 0, 0)
    yield "messages that are answered in another way are another dialect", verdict_of(
        folder, line(path="/v9/talk", response='{"message":{"role":"assistant","content":"a"},"done":true}')
    ) == (0, 0, 0, 1)
    yield "a stream of lines passes", verdict_of(folder, line(path="/api/chat", response=LINES)) == (0, 1, 0, 0)
    yield "a stream of lines that was cut fails", verdict_of(
        folder, line(path="/api/chat", response=LINES[:LINES.index('{"model"', 9)] + "\n{\"model\":\"m\"")) == (1, 0, 1, 0)
    yield "a stream of binary messages passes", verdict_of(folder, converse(MESSAGES)) == (0, 1, 0, 0)
    yield "a damaged binary message fails", verdict_of(
        folder, converse(MESSAGES[:50] + b"?" + MESSAGES[51:])) == (1, 0, 1, 0)
    yield "another dialect is counted", verdict_of(
        folder, line(path="/v1/moderations", request='{"model":"m","input":"a"}', response='{"id":"x","results":[]}')
    ) == (0, 0, 0, 1)
    vector = '{"object":"embedding","index":0,"embedding":[0.5,-0.25]}'
    for name, data, verdict in (("pass", vector, (0, 1, 0, 0)), ("that are no numbers fail", vector.replace("0.5", '"x"'), (1, 0, 1, 0))):
        yield f"embeddings {name}", verdict_of(
            folder, line(path="/v1/embeddings", request='{"model":"m","input":"a"}', response=
                         f'{{"object":"list","data":[{data}],"model":"m","usage":{{"prompt_tokens":1,"total_tokens":1}}}}')
        ) == verdict
    for name, opener in (("a.jsonl.xz", lzma.open), ("b.jsonl", open)):
        with opener(folder / name, "wt", encoding="utf-8") as file:
            file.write(line() * 2)
    (folder / "some.jsonl").unlink()
    status, out, _ = exam(folder)
    yield "a folder is examined file by file", status == 0 and json.loads(out.splitlines()[-1])["by_provider"] == {
        name: {"passed": 2, "failed": 0, "unsupported": 0} for name in ("a", "b")}
    status, _, err = exam(folder / "nothing")
    yield "data that is absent is told", status == 2 and "nothing" in err
    size = len(STREAM.encode())
    yield "every split decodes the same", splitter(f"openai_chat {{}} {size}\n{STREAM}").stdout == b"same\n"
    yield "a broken frame is an error", splitter(f"openai_chat {{}} {size + 1}\n{STREAM}").returncode == 1


if __name__ == "__main__":
    run(cases)
