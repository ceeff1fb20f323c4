"""The scripted model server: all dialects, faults on the wire, and what it records."""

import hashlib
import http.client
import json
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))
from model_server import ModelServer, Script, ScriptError  # noqa: E402

TOOL_TURN = {"thinking": "hm", "text": ["Let me ", "look."], "usage": {"input": 7, "output": 3},
             "tool_calls": [{"name": "read", "arguments": {"path": "a.txt"}, "id": "c1", "pieces": 3}]}


def data_lines(body):
    return [line[6:] for line in body.decode().split("\n") if line.startswith("data: ")]


class ModelServerTest(unittest.TestCase):
    def serve(self, turns, key=None, record=None, **rest):
        server = ModelServer(Script({"turns": turns, **rest}), key=key, record=record)
        server.start()
        self.addCleanup(server.stop)
        return server

    def connect(self, server):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        self.addCleanup(connection.close)
        return connection

    def ask(self, server, request, path="/v1/chat/completions", headers=None, connection=None):
        connection = connection or self.connect(server)
        connection.request("POST", path, json.dumps(request), headers or {})
        answer = connection.getresponse()
        return answer, answer.read()

    def test_openai_stream_carries_text_tool_call_and_usage(self):
        server = self.serve([TOOL_TURN])
        _, body = self.ask(server, {"model": "m", "messages": [], "stream": True,
                                    "stream_options": {"include_usage": True}})
        lines = data_lines(body)
        self.assertEqual(lines[-1], "[DONE]")
        chunks = [json.loads(line) for line in lines[:-1]]
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"]]
        self.assertEqual("".join(delta.get("content") or "" for delta in deltas), "Let me look.")
        calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
        self.assertEqual(calls[0]["id"], "c1")
        arguments = "".join(call["function"]["arguments"] for call in calls)
        self.assertEqual(json.loads(arguments), {"path": "a.txt"})
        self.assertEqual(len(calls), 1 + 3)
        self.assertEqual(chunks[-2]["choices"][0]["finish_reason"], "tool_calls")
        self.assertEqual(chunks[-1]["usage"]["total_tokens"], 10)

    def test_each_dialect_has_its_path_and_says_whether_to_stream(self):
        for path, request, kind in (("/model/m/converse-stream", {}, "application/vnd.amazon.eventstream"),
                                    ("/model/m/converse", {}, "application/json"),
                                    ("/v2/chat", {"stream": True}, "text/event-stream"),
                                    ("/v2/chat", {}, "application/json"),
                                    ("/api/chat", {}, "application/x-ndjson"),
                                    ("/api/chat", {"stream": False}, "application/json")):
            with self.subTest(path=path, request=request):
                answer, body = self.ask(self.serve([TOOL_TURN]), {"messages": [], **request}, path)
                self.assertEqual(answer.headers["Content-Type"], kind)
                self.assertIn(b"look.", body)
                self.assertIn(b"read", body)

    def test_openai_usage_chunk_only_when_asked(self):
        _, body = self.ask(self.serve([TOOL_TURN]), {"messages": [], "stream": True})
        self.assertFalse(any('"usage"' in line for line in data_lines(body)))

    def test_anthropic_stream_has_blocks_in_order(self):
        server = self.serve([TOOL_TURN])
        _, body = self.ask(server, {"model": "m", "messages": [], "stream": True}, "/v1/messages")
        events = [json.loads(line) for line in data_lines(body)]
        starts = [event["content_block"]["type"] for event in events if event["type"] == "content_block_start"]
        self.assertEqual(starts, ["thinking", "text", "tool_use"])
        self.assertEqual(events[0]["message"]["usage"]["input_tokens"], 7)
        self.assertEqual(events[-2]["delta"]["stop_reason"], "tool_use")
        self.assertEqual(events[-1]["type"], "message_stop")
        parts = [event["delta"]["partial_json"] for event in events
                 if event["type"] == "content_block_delta" and event["delta"]["type"] == "input_json_delta"]
        self.assertEqual(json.loads("".join(parts)), {"path": "a.txt"})

    def test_responses_stream_has_its_items_in_order(self):
        server = self.serve([TOOL_TURN])
        _, body = self.ask(server, {"model": "m", "input": "q", "stream": True}, "/v1/responses")
        events = [json.loads(line) for line in data_lines(body)]
        self.assertEqual([event["sequence_number"] for event in events], list(range(len(events))))
        done = [event["item"]["type"] for event in events if event["type"] == "response.output_item.done"]
        self.assertEqual(done, ["reasoning", "message", "function_call"])
        parts = [event["delta"] for event in events if event["type"] == "response.function_call_arguments.delta"]
        self.assertEqual(json.loads("".join(parts)), {"path": "a.txt"})
        self.assertEqual(events[-1]["response"]["usage"]["total_tokens"], 10)

    def test_gemini_has_model_and_stream_in_its_path(self):
        server = self.serve([TOOL_TURN], at_end="repeat")
        asked = {"contents": [{"role": "user", "parts": [{"text": "q"}]}]}
        _, body = self.ask(server, asked, "/v1beta/models/g-1:streamGenerateContent?alt=sse")
        chunks = [json.loads(line) for line in data_lines(body)]
        self.assertEqual(chunks[0]["modelVersion"], "g-1")
        self.assertEqual(chunks[-1]["candidates"][0]["finishReason"], "STOP")
        _, body = self.ask(server, asked, "/v1beta/models/g-1:generateContent")
        parts = json.loads(body)["candidates"][0]["content"]["parts"]
        self.assertEqual(parts[-1]["functionCall"], {"name": "read", "args": {"path": "a.txt"}})
        self.assertEqual(self.ask(server, asked, "/v1beta/models")[0].status, 404)

    def test_turns_of_a_conversation_are_counted_in_every_dialect(self):
        turns = [{"text": "first"}, {"text": "second"}]
        call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
        for path, member, taken in (
                ("/v1/responses", "input", [{"role": "user", "content": "q"}, {"type": "reasoning"}, call,
                                            {"type": "function_call_output", "call_id": "c", "output": "r"}]),
                ("/v1beta/models/g:generateContent", "contents", [{"role": "model", "parts": []}])):
            server = self.serve(turns, select="conversation")
            self.assertIn(b"first", self.ask(server, {member: taken[:1] if member == "input" else []}, path)[1])
            self.assertIn(b"second", self.ask(server, {member: taken}, path)[1])

    def test_whole_answers_in_both_dialects(self):
        server = self.serve([TOOL_TURN], at_end="repeat")
        _, body = self.ask(server, {"messages": []})
        self.assertEqual(json.loads(body)["choices"][0]["message"]["content"], "Let me look.")
        _, body = self.ask(server, {"messages": []}, "/v1/messages")
        self.assertEqual(json.loads(body)["content"][2]["input"], {"path": "a.txt"})

    def test_tool_result_travels_into_the_answer(self):
        server = self.serve([{"text": "It says ${TOOL_RESULT}."}], at_end="repeat")
        _, body = self.ask(server, {"messages": [{"role": "tool", "tool_call_id": "c1", "content": "42"}]})
        self.assertEqual(json.loads(body)["choices"][0]["message"]["content"], "It says 42.")
        part = {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "43"}]}
        _, body = self.ask(server, {"messages": [{"role": "user", "content": [part]}]}, "/v1/messages")
        self.assertEqual(json.loads(body)["content"][0]["text"], "It says 43.")

    def test_connection_is_kept_for_the_next_request(self):
        server = self.serve([{"text": "a"}, {"text": "b"}])
        connection = self.connect(server)
        self.ask(server, {"messages": [], "stream": True}, connection=connection)
        socket_before = connection.sock
        _, body = self.ask(server, {"messages": []}, connection=connection)
        self.assertIs(connection.sock, socket_before)
        self.assertEqual(json.loads(body)["choices"][0]["message"]["content"], "b")

    def test_error_turn_has_status_and_retry_after(self):
        server = self.serve([{"error": {"status": 429, "retry_after": 2, "message": "slow down"}}])
        answer, body = self.ask(server, {"messages": [], "stream": True}, "/v1/messages")
        self.assertEqual((answer.status, answer.getheader("Retry-After")), (429, "2"))
        self.assertEqual(json.loads(body)["error"]["type"], "rate_limit_error")

    def test_cut_ends_the_stream_without_its_last_chunk(self):
        for how in ("close", "reset"):
            server = self.serve([{"text": ["a", "b", "c"], "cut": {"after": 2, "bytes": 9, "how": how}}])
            with self.assertRaises((http.client.IncompleteRead, ConnectionResetError)):
                self.ask(server, {"messages": [], "stream": True})

    def test_error_event_inside_a_stream(self):
        server = self.serve([{"text": ["a"], "error_event": {"after": 2, "status": 529, "message": "busy"}}])
        answer, body = self.ask(server, {"messages": [], "stream": True}, "/v1/messages")
        self.assertEqual(answer.status, 200)
        last = json.loads(data_lines(body)[-1])
        self.assertEqual(last["error"], {"type": "overloaded_error", "message": "busy"})

    def test_stall_ends_with_the_server(self):
        server = ModelServer(Script({"turns": [{"text": "a", "stall": {"after": 1, "seconds": 600}}]}))
        server.start()
        connection = self.connect(server)
        connection.request("POST", "/v1/chat/completions", json.dumps({"messages": [], "stream": True}))
        answer = connection.getresponse()
        self.assertTrue(answer.readline().startswith(b"data: "))
        started = time.monotonic()
        server.stop()
        self.assertIn(b"[DONE]", answer.read())
        self.assertLess(time.monotonic() - started, 60)

    def test_fragments_cross_event_and_character_borders(self):
        server = self.serve([{"text": ["grüße"], "fragment": 1}])
        _, body = self.ask(server, {"messages": [], "stream": True})
        self.assertTrue(any("grüße" in line for line in data_lines(body)))

    def test_conversations_play_the_script_side_by_side(self):
        server = self.serve([{"text": "first"}, {"text": "second"}], select="conversation")
        later = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "first"}]
        for messages, expected in ((later, "second"), ([], "first"), (later, "second")):
            _, body = self.ask(server, {"messages": messages})
            self.assertEqual(json.loads(body)["choices"][0]["message"]["content"], expected)

    def test_used_up_script_and_unmet_expectation_are_errors(self):
        server = self.serve([{"text": "a", "expect": ["needle"]}])
        answer, body = self.ask(server, {"messages": []})
        self.assertEqual(answer.status, 400)
        self.assertIn("needle", json.loads(body)["error"]["message"])
        self.assertEqual(self.ask(server, {"messages": []})[0].status, 500)

    def test_key_is_required_in_either_header(self):
        server = self.serve([{"text": "a"}], key="k", at_end="repeat")
        for headers, status in (({}, 401), ({"Authorization": "Bearer k"}, 200), ({"x-api-key": "k"}, 200),
                                ({"x-goog-api-key": "k"}, 200)):
            self.assertEqual(self.ask(server, {"messages": []}, headers=headers)[0].status, status)

    def test_models_are_listed_in_the_asked_dialect(self):
        server = self.serve([], models=["one", "two"])
        for headers, last in (({}, None), ({"anthropic-version": "2023-06-01"}, "two")):
            connection = self.connect(server)
            connection.request("GET", "/v1/models", headers=headers)
            answer = json.loads(connection.getresponse().read())
            self.assertEqual([model["id"] for model in answer["data"]], ["one", "two"])
            self.assertEqual(answer.get("last_id"), last)

    def test_record_keeps_requests_but_no_key(self):
        with tempfile.NamedTemporaryFile() as file:
            server = self.serve([{"text": "a"}], record=file.name)
            self.ask(server, {"messages": [{"role": "user", "content": "hi"}]}, headers={"Authorization": "Bearer k"})
            record = json.loads(Path(file.name).read_text(encoding="utf-8"))
        self.assertEqual(record["body"]["messages"][0]["content"], "hi")
        self.assertEqual(record["headers"]["authorization"], "sha256:" + hashlib.sha256(b"Bearer k").hexdigest())

    def test_chunked_request_bodies_are_read(self):
        server = self.serve([{"text": "a"}])
        connection = self.connect(server)
        connection.request("POST", "/v1/chat/completions", iter([b'{"mess', b'ages": []}']), encode_chunked=True,
                           headers={"Transfer-Encoding": "chunked"})
        self.assertEqual(connection.getresponse().status, 200)

    def test_bad_scripts_are_refused_by_name(self):
        for script, word in (({}, "turns"), ({"turns": [], "select": "x"}, "select"),
                             ({"turns": [], "at_end": "x"}, "at_end")):
            with self.assertRaisesRegex(ScriptError, word):
                Script(script)


if __name__ == "__main__":
    unittest.main()
