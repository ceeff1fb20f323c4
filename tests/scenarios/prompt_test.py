"""Every door sends the same bytes: a conversation with tools, two runs of one session, in each dialect. What a provider
caches of one program's prompts it finds again in those of another."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "python"), str(HERE)]

import tap  # noqa: E402

DOORS = json.loads(sys.argv.pop(1))  # name -> command
TIMEOUT = 120
CHAT = {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}
CALL = {"role": "assistant", "content": None, "tool_calls": [
    {"id": "call_one", "type": "function", "function": {"name": "zeta", "arguments": "{\"b\": 1, \"a\": \"\\u00fc\"}"}}]}
# Members in an order that no table sorts.
SCHEMA = {"type": "object", "required": ["b", "a"], "properties": {"b": {"type": "number"}, "a": {"type": "string"}},
          "description": "ü and \"quotes\"", "additionalProperties": False}


def chat(body):
    asks = body["messages"][-1]["role"] == "user"
    message = CALL if asks else {"role": "assistant", "content": "Done."}
    return {**CHAT, "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls" if asks else "stop"}]}


def messages(body):
    last = body["messages"][-1]["content"]
    asks = not any(isinstance(block, dict) and block["type"] == "tool_result" for block in last)
    block = ({"type": "tool_use", "id": "toolu_1", "name": "zeta", "input": {"b": 1, "a": "ü"}} if asks
             else {"type": "text", "text": "Done."})
    return {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [block],
            "stop_reason": "tool_use" if asks else "end_turn", "usage": {"input_tokens": 10, "output_tokens": 5}}


ANSWERS = {"openai_chat": chat, "anthropic_messages": messages}


class Provider(http.server.ThreadingHTTPServer):
    """Answers as the dialect does, and keeps the bodies as they came."""

    def __init__(self, answer):
        self.answer, self.bodies = answer, []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        answer = json.dumps(self.server.answer(json.loads(body))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def scenario():
    schema = json.dumps(SCHEMA, ensure_ascii=False, separators=(",", ":"))  # sent as the host wrote it
    agent = {"model": "served/m", "tools": [], "system": "Be brief. " * 600, "params": {"max_tokens": 50}}
    lines = [("agent", json.dumps(agent)),
             ("tool", "zeta", "pure", "", schema, "function", json.dumps("found"), "0", ""),
             ("tool", "alpha", "pure", "", '{"type":"object"}', "function", json.dumps("no"), "0", ""),
             ("run", "Look, please.", "", "0", ""), ("run", "And again.", "", "0", "")]
    return "".join("\t".join(line) + "\n" for line in lines)


class SameBytes(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="tau-prompts-"))
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "talk").write_text(scenario(), encoding="utf-8", newline="\n")

    def bodies(self, dialect, command):
        provider = Provider(ANSWERS[dialect])
        try:
            config = {"providers": {"served": {"base_url": f"http://127.0.0.1:{provider.server_port}/v1",
                                               "dialect": dialect, "quirks": {"cache_min_tokens": 1024}}},
                      "policy": {"allow": ["zeta"]}}
            done = subprocess.run([*command, "talk"], cwd=self.folder, capture_output=True, timeout=TIMEOUT, check=False,
                                  env={**os.environ, "PYTHONUTF8": "1", "DOOR_CONFIG": json.dumps(config)})
            self.assertEqual(done.returncode, 0, done.stderr.decode()[-3000:])
            return provider.bodies
        finally:
            provider.shutdown()
            provider.server_close()

    def test_every_door_sends_the_same(self):
        for dialect in ANSWERS:
            sent = {door: self.bodies(dialect, command) for door, command in DOORS.items()}
            first = next(iter(sent.values()))
            self.assertEqual(len(first), 4, f"{dialect}: two runs of two calls")
            for door, bodies in sent.items():
                self.assertEqual(bodies, first, f"{dialect}: {door}")
            # Tools stand in the order of their names, whatever came first; schemas keep that of their text.
            text = first[0].decode()
            self.assertLess(text.index("\"alpha\""), text.index("\"zeta\""))
            self.assertIn(json.dumps(SCHEMA, ensure_ascii=False, separators=(",", ":")), text)
            if dialect == "anthropic_messages":
                self.assertEqual([body.count(b'"cache_control"') for body in first], [2, 3, 3, 3])  # the tools alone are too short
                continue
            for before, after in zip(first, first[1:]):
                grown = next(i for i, (a, b) in enumerate(zip(before, after)) if a != b)
                self.assertTrue(after.endswith(before[grown:]), (before, after))


if __name__ == "__main__":
    tap.main()
